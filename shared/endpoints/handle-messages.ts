import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda'
import { type DeliveryOptions, handleDelivery } from '#shared/batch/handle-delivery.ts'
import type { Delivery } from '#shared/batch/queue.ts'
import type { Logger } from '#shared/observability/logger.ts'

export interface MessagesOptions extends Pick<DeliveryOptions, 'queue' | 'handle'> {
  readonly logger: Logger
}

/**
 * From the first beat on a message is hidden for no longer than this, so that the messages of a
 * function that was killed come again soon: the queue itself hides them for hours. It is the time
 * after which the lease of a chunk is over, too.
 */
const visibilityMs = 30_000

/**
 * An event of SQS: who is in `batchItemFailures` is delivered again, after as long as it was told to
 * wait; Lambda removes the others.
 */
export async function handleMessages(
  { Records }: SQSEvent,
  options: MessagesOptions,
): Promise<SQSBatchResponse> {
  const done = await Promise.all(Records.map((record) => handleMessage(record, options)))
  const failed = Records.filter((_, index) => !done[index])
  return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) }
}

async function handleMessage(
  record: SQSRecord,
  { queue, handle, logger }: MessagesOptions,
): Promise<boolean> {
  const delivery = toDelivery(record)
  const onFailure = (cause: unknown) => logger.error('a batch message failed', { cause })
  await queue.hide(delivery, visibilityMs).catch(onFailure)
  const { isDone } = await handleDelivery(delivery, { queue, handle, visibilityMs, onFailure })
  return isDone
}

const toDelivery = ({ body, receiptHandle, attributes }: SQSRecord): Delivery => ({
  body,
  receipt: receiptHandle,
  receives: Number(attributes.ApproximateReceiveCount),
})

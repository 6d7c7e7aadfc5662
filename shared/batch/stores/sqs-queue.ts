import { createHash } from 'node:crypto'
import {
  ChangeMessageVisibilityCommand,
  DeleteMessageBatchCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  type SendMessageBatchRequestEntry,
  SQSClient,
  SQSServiceException,
} from '@aws-sdk/client-sqs'
import { type AwsPlace, sdkSettings } from '#shared/aws/sdk-settings.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { Message, Queue } from '../queue.ts'

export interface SqsQueueOptions extends AwsPlace {
  readonly queueUrl: string
  /** Where SQS puts messages that it has given up on, as the queue's redrive policy says. */
  readonly deadLetterUrl: string
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html */
const largestBatch = 10
const longestWaitSeconds = 20
const longestDelaySeconds = 900
const longestHidingSeconds = 43_200
/** Sent again within one call where SQS refused single messages of a batch. */
const mostAttempts = 5

/**
 * A standard queue of SQS. The group of a message is its MessageGroupId: SQS then delivers those of
 * quiet tenants first while a busy one has a backlog ("fair queues").
 */
export function createSqsQueue(options: SqsQueueOptions): Queue {
  const { queueUrl: QueueUrl, deadLetterUrl, endpoint } = options
  const client = new SQSClient({
    ...sdkSettings(options),
    useQueueUrlAsEndpoint: endpoint === undefined,
  })

  async function sendBatch(batch: readonly SendMessageBatchRequestEntry[]): Promise<void> {
    let left = batch
    for (let attempt = 1; left.length > 0; attempt += 1) {
      const command = new SendMessageBatchCommand({ QueueUrl, Entries: [...left] })
      const { Failed = [] } = await client.send(command).catch(fail)
      const failed = new Map(Failed.map((failure) => [failure.Id, failure]))
      left = left.filter(({ Id }) => failed.has(Id))
      const [first] = Failed
      if (first && (first.SenderFault || attempt === mostAttempts)) {
        fail(new Error(`SQS did not take a message: ${first.Code} ${first.Message}`))
      }
    }
  }

  async function send(messages: readonly Message[]): Promise<void> {
    for (let start = 0; start < messages.length; start += largestBatch) {
      await sendBatch(messages.slice(start, start + largestBatch).map(toEntry))
    }
  }

  return {
    send,

    async receive({ limit, visibilityMs, waitMs = 0 }) {
      const command = new ReceiveMessageCommand({
        QueueUrl,
        MaxNumberOfMessages: Math.min(limit, largestBatch),
        VisibilityTimeout: toSeconds(visibilityMs, longestHidingSeconds),
        WaitTimeSeconds: toSeconds(waitMs, longestWaitSeconds),
        MessageSystemAttributeNames: ['ApproximateReceiveCount'],
      })
      const { Messages = [] } = await client.send(command).catch(fail)
      return Messages.map(({ Body = '', ReceiptHandle = '', Attributes }) => ({
        body: Body,
        receipt: ReceiptHandle,
        receives: Number(Attributes?.ApproximateReceiveCount ?? 1),
      }))
    },

    async hide({ receipt }, visibilityMs) {
      const VisibilityTimeout = toSeconds(visibilityMs, longestHidingSeconds)
      const command = { QueueUrl, ReceiptHandle: receipt, VisibilityTimeout }
      await client.send(new ChangeMessageVisibilityCommand(command)).catch(forgive)
    },

    async remove({ receipt }) {
      const command = new DeleteMessageCommand({ QueueUrl, ReceiptHandle: receipt })
      await client.send(command).catch(forgive)
    },

    async deadCount() {
      const names = [
        'ApproximateNumberOfMessages',
        'ApproximateNumberOfMessagesNotVisible',
      ] as const
      const command = { QueueUrl: deadLetterUrl, AttributeNames: [...names] }
      const { Attributes = {} } = await client
        .send(new GetQueueAttributesCommand(command))
        .catch(fail)
      return names.reduce((sum, name) => sum + Number(Attributes[name] ?? 0), 0)
    },

    async redrive() {
      let count = 0
      for (;;) {
        const { Messages = [] } = await client
          .send(
            new ReceiveMessageCommand({
              QueueUrl: deadLetterUrl,
              MaxNumberOfMessages: largestBatch,
              VisibilityTimeout: 60,
              // Asks all of the servers that hold the queue, not some of them.
              WaitTimeSeconds: 1,
              MessageSystemAttributeNames: ['MessageGroupId'],
            }),
          )
          .catch(fail)
        if (Messages.length === 0) return count
        const dead = Messages.map(({ Body = '', Attributes }) => ({
          body: Body,
          group: Attributes?.MessageGroupId ?? '',
        }))
        // Rather twice than never: removed once they are safe.
        await send(dead)
        const Entries = Messages.map(({ ReceiptHandle }, index) => ({
          Id: `${index}`,
          ReceiptHandle,
        }))
        const removal = new DeleteMessageBatchCommand({ QueueUrl: deadLetterUrl, Entries })
        await client.send(removal).catch(fail)
        count += Messages.length
      }
    },

    close: async () => client.destroy(),
  }
}

const toEntry = ({ body, group, delayMs = 0 }: Message, index: number) => ({
  Id: `${index}`,
  MessageBody: body,
  MessageGroupId: groupIdOf(group),
  ...(delayMs > 0 && { DelaySeconds: toSeconds(delayMs, longestDelaySeconds) }),
})

/** SQS takes 128 characters of ASCII without spaces; any other name becomes its digest. */
const groupIdOf = (group: string) =>
  /^[!-~]{1,128}$/.test(group) ? group : createHash('sha256').update(group).digest('hex')

const toSeconds = (ms: number, most: number) => Math.min(most, Math.ceil(ms / 1_000))

function fail(cause: unknown): never {
  throw new ServiceError('store_unavailable', { cause })
}

/** Of a delivery whose time is over, or that was done with before. */
function forgive(error: unknown): void {
  const isLate =
    error instanceof SQSServiceException &&
    /MessageNotInflight|ReceiptHandleIsInvalid|InvalidParameterValue/.test(error.name)
  if (!isLate) fail(error)
}

import {
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  type Message,
  type QueueAttributeName,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs'
import { type AwsPlace, sdkSettings } from '#shared/aws/sdk-settings.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { SaleOutbox, SoldCall } from './sale-outbox.ts'
import { readSoldCall, writeSoldCall } from './sold-call-json.ts'

export interface SqsSaleOutboxOptions extends AwsPlace {
  /** Of a standard queue. */
  readonly queueUrl: string
  /** How many calls may wait in all, as far as SQS can say. */
  readonly mostCalls?: number
  /** How many of them this process may have put there. */
  readonly mostOwnCalls?: number
  readonly now?: () => number
}

/** What every queue takes: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html */
const largestBytes = 262_144
/** How long SQS's count is taken to be true. */
const countedMs = 5_000
/** SQS counts right a minute after the last message at the soonest. */
const settledMs = 60_000
/** A call that was not booked comes again after this; long, since a queue's deliveries are numbered. */
const hiddenSeconds = 300
const countNames: QueueAttributeName[] = [
  'ApproximateNumberOfMessages',
  'ApproximateNumberOfMessagesDelayed',
  'ApproximateNumberOfMessagesNotVisible',
]

/**
 * Sold calls as messages of SQS, where there is no disk. The queue cannot be searched, and its count
 * lags behind. The bound that holds whatever SQS says is that of each process: what it has put counts
 * as waiting until it has seen the queue empty, a minute after its last.
 */
export function createSqsSaleOutbox(options: SqsSaleOutboxOptions): SaleOutbox {
  const { queueUrl: QueueUrl, mostCalls = 10_000, mostOwnCalls = 1_000, now = Date.now } = options
  const client = new SQSClient({
    ...sdkSettings(options),
    useQueueUrlAsEndpoint: options.endpoint === undefined,
    // A caller waits, who has waited for the ledger before.
    maxAttempts: 2,
    requestHandler: { connectionTimeout: 1_000, socketTimeout: 2_000 },
  })
  const receipts = new WeakMap<SoldCall, string>()
  let counted = { waiting: 0, at: Number.NEGATIVE_INFINITY }
  let own = { calls: 0, lastAt: 0 }

  async function isFull(): Promise<boolean> {
    const time = now()
    // A clock may have jumped back.
    if (time < counted.at || time >= counted.at + countedMs) {
      counted = { waiting: await count(), at: time }
      if (counted.waiting === 0 && time >= own.lastAt + settledMs) own = { calls: 0, lastAt: 0 }
    }
    return own.calls >= mostOwnCalls || counted.waiting >= mostCalls
  }

  async function count(): Promise<number> {
    const command = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: countNames })
    const { Attributes = {} } = await client.send(command).catch(fail)
    return countNames.reduce((sum, name) => sum + Number(Attributes[name] ?? 0), 0)
  }

  async function receive(): Promise<Message[]> {
    const command = new ReceiveMessageCommand({
      QueueUrl,
      MaxNumberOfMessages: 10,
      VisibilityTimeout: hiddenSeconds,
      // Asks all of the servers that hold the queue, not some of them.
      WaitTimeSeconds: 1,
    })
    const { Messages = [] } = await client.send(command).catch(fail)
    return Messages
  }

  return {
    async put(call) {
      const body = Buffer.from(call.answer.body).toString('base64')
      const MessageBody = JSON.stringify({ call: writeSoldCall(call), body })
      if (Buffer.byteLength(MessageBody) > largestBytes || (await isFull())) return false
      own = { calls: own.calls + 1, lastAt: now() }
      // Where its reply is lost it is sent again: twice in the queue is once in the books.
      await client.send(new SendMessageCommand({ QueueUrl, MessageBody })).catch(fail)
      return true
    },
    isFull,
    async *waiting() {
      for (let messages = await receive(); messages.length > 0; messages = await receive()) {
        for (const { Body = '', ReceiptHandle = '' } of messages) {
          const call = tryRead(Body)
          // No call of ours: after many deliveries it lies with the dead letters, which are watched.
          if (!call) continue
          receipts.set(call, ReceiptHandle)
          yield call
        }
      }
    },
    async remove(call) {
      const ReceiptHandle = receipts.get(call)
      if (ReceiptHandle === undefined) return
      await client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle })).catch(fail)
    },
    close: async () => client.destroy(),
  }
}

function tryRead(text: string): SoldCall | undefined {
  try {
    const { call, body } = JSON.parse(text)
    return readSoldCall(call, Buffer.from(body, 'base64'))
  } catch {
    return undefined
  }
}

function fail(cause: unknown): never {
  throw new ServiceError('store_unavailable', { cause })
}

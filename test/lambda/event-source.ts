import {
  DeleteMessageCommand,
  type Message,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs'
import type { SQSBatchResponse, SQSRecord } from 'aws-lambda'
import type { Invocation, LambdaFunction } from './lambda-function.ts'

export interface EventSourceOptions {
  readonly client: SQSClient
  readonly queueUrl: string
  readonly target: Pick<LambdaFunction, 'invoke'>
  /** `MaximumConcurrency` of the mapping. */
  readonly concurrency: number
}

export interface EventSource {
  /** What became of each event so far. */
  readonly invocations: readonly Invocation[]
  stop(): Promise<void>
}

/**
 * What Lambda does between a queue and a function: takes messages, one by one, hands them over as an
 * event, and deletes those that the function does not name as failed. Of an event that failed as a
 * whole nothing is deleted; its message comes again when its time is over.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
 */
export function startEventSource(options: EventSourceOptions): EventSource {
  const { client, queueUrl: QueueUrl, target, concurrency } = options
  const stopping = new AbortController()
  const invocations: Invocation[] = []

  async function poll(): Promise<void> {
    while (!stopping.signal.aborted) {
      const command = new ReceiveMessageCommand({
        QueueUrl,
        MaxNumberOfMessages: 1,
        WaitTimeSeconds: 1,
        MessageSystemAttributeNames: ['All'],
      })
      const { Messages = [] } = await client.send(command)
      if (Messages.length > 0) await deliver(Messages)
    }
  }
  async function deliver(messages: readonly Message[]): Promise<void> {
    const invocation = await target.invoke({ Records: messages.map(toRecord) })
    invocations.push(invocation)
    if (invocation.failure) return
    const { batchItemFailures = [] } = (invocation.payload ?? {}) as Partial<SQSBatchResponse>
    const failed = batchItemFailures.map(({ itemIdentifier }) => itemIdentifier)
    for (const { MessageId = '', ReceiptHandle } of messages) {
      if (failed.includes(MessageId)) continue
      await client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }))
    }
  }
  const polling = Promise.all(Array.from({ length: concurrency }, poll))
  return {
    invocations,
    async stop() {
      stopping.abort()
      await polling
    },
  }
}

const toRecord = (message: Message): SQSRecord => ({
  messageId: message.MessageId ?? '',
  receiptHandle: message.ReceiptHandle ?? '',
  body: message.Body ?? '',
  attributes: message.Attributes as unknown as SQSRecord['attributes'],
  messageAttributes: {},
  md5OfBody: message.MD5OfBody ?? '',
  eventSource: 'aws:sqs',
  eventSourceARN: 'arn:aws:sqs:eu-central-1:123456789012:percall',
  awsRegion: 'eu-central-1',
})

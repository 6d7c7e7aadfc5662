import { SQSClient } from '@aws-sdk/client-sqs'
import type { Stage } from '#shared/batch/batch-services.ts'
import type { LambdaHost } from '#test/hosts/lambda-host.ts'
import { type EventSource, startEventSource } from './event-source.ts'

export interface BatchStages {
  readonly sources: Readonly<Record<Stage, EventSource>>
  stop(): Promise<void>
}

/** The mappings between the queues of batches and their functions. */
export function startBatchStages(
  host: Pick<LambdaHost, 'functionOf'>,
  environment: Readonly<Record<string, string>>,
): BatchStages {
  const client = new SQSClient({
    endpoint: environment.AWS_ENDPOINT_URL_SQS ?? '',
    region: 'eu-central-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  })
  const prefix = environment.PERCALL_QUEUES?.slice('sqs:'.length) ?? ''
  const source = (stage: Stage, concurrency: number) =>
    startEventSource({
      client,
      queueUrl: `${prefix}${stage}`,
      target: host.functionOf(`batch-${stage}`),
      concurrency,
    })
  const sources = {
    plan: source('plan', 1),
    score: source('score', 2),
    publish: source('publish', 1),
  }
  return {
    sources,
    async stop() {
      await Promise.all(Object.values(sources).map((one) => one.stop()))
      client.destroy()
    },
  }
}

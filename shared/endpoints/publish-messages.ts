import type { SQSBatchResponse, SQSEvent } from 'aws-lambda'
import { readJobMessage } from '#shared/batch/messages.ts'
import { handleMessages } from './handle-messages.ts'
import { type LambdaBatch, lambdaBatch } from './lambda-batch.ts'
import { lazily } from './lazily.ts'

/** Puts the parts of finished jobs together. */
export function onPublishMessages(
  open: () => Promise<Pick<LambdaBatch, 'batch' | 'logger'>> = lambdaBatch,
) {
  const opened = lazily(async () => ({
    ...(await open()),
    ...(await import('#shared/batch/publish-job.ts')),
  }))
  return async (event: SQSEvent): Promise<SQSBatchResponse> => {
    const { batch, logger, publishJob } = await opened()
    return handleMessages(event, {
      queue: batch.queues.publish,
      handle: (body) => publishJob(readJobMessage(body).job, batch),
      logger,
    })
  }
}

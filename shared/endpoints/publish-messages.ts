import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda'
import { readJobMessage } from '#shared/batch/messages.ts'
import { handleMessages } from './handle-messages.ts'
import { type LambdaBatch, lambdaBatch } from './lambda-batch.ts'
import { lazily } from './lazily.ts'
import { withinRun } from './within-run.ts'

/** Puts the parts of finished jobs together; what takes longer than a run goes on in the next. */
export function onPublishMessages(
  open: () => Promise<Pick<LambdaBatch, 'batch' | 'logger'>> = lambdaBatch,
) {
  const opened = lazily(async () => ({
    ...(await open()),
    ...(await import('#shared/batch/publish-job.ts')),
  }))
  return async (
    event: SQSEvent,
    context: Pick<Context, 'getRemainingTimeInMillis'>,
  ): Promise<SQSBatchResponse> => {
    const { logger, publishJob, ...services } = await opened()
    const batch = withinRun(services.batch, context)
    return handleMessages(event, {
      queue: batch.queues.publish,
      handle: (body, receives) => publishJob(readJobMessage(body).job, receives, batch),
      logger,
    })
  }
}

import type { ScheduledEvent, SQSBatchResponse, SQSEvent } from 'aws-lambda'
import { attendCalls } from '#shared/jobs/attend-calls.ts'
import { handleMessages } from './handle-messages.ts'
import { type LambdaServices, lambdaServices } from './lambda-services.ts'
import { lazily } from './lazily.ts'
import { createWebhookWorker } from './webhook-worker.ts'

/** Tells the ends of jobs, and on a schedule makes good what was lost on the way. */
export function onWebhookMessages(
  services: Pick<LambdaServices, 'openJobs' | 'logger'> = lambdaServices(),
) {
  const { logger } = services
  const opened = lazily(async () => {
    const jobs = await services.openJobs()
    return { jobs, handle: createWebhookWorker({ jobs }) }
  })
  return async (event: SQSEvent | ScheduledEvent): Promise<SQSBatchResponse | undefined> => {
    const { jobs, handle } = await opened()
    if ('Records' in event) {
      return handleMessages(event, { queue: jobs.queues.webhook, handle, logger })
    }
    await attendCalls(jobs)
    return undefined
  }
}

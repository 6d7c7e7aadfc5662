import type { SQSBatchResponse, SQSEvent } from 'aws-lambda'
import type { Lane } from '#shared/jobs/deferred-call.ts'
import type { Logger } from '#shared/observability/logger.ts'
import { handleMessages } from './handle-messages.ts'
import { createJobWorker, type JobWorkerOptions } from './job-worker.ts'

export interface JobMessagesOptions extends JobWorkerOptions {
  /** Whose queue it is. */
  readonly lane: Lane
  readonly logger: Logger
}

/** Runs calls that were put off, as events of SQS bring them. */
export function onJobMessages({ lane, ...options }: JobMessagesOptions) {
  const handle = createJobWorker(options)
  return async (event: SQSEvent): Promise<SQSBatchResponse> => {
    const { queues } = await options.openJobs()
    return handleMessages(event, { queue: queues[lane], handle, logger: options.logger })
  }
}

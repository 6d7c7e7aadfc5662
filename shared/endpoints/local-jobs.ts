import { consume } from '#shared/batch/consume.ts'
import { attendCalls } from '#shared/jobs/attend-calls.ts'
import type { JobServices } from '#shared/jobs/job-services.ts'
import type { Logger } from '#shared/observability/logger.ts'
import { createJobWorker, type JobWorkerOptions } from './job-worker.ts'
import { repeatedly } from './repeatedly.ts'
import { createWebhookWorker } from './webhook-worker.ts'

export interface LocalJobsOptions extends Pick<JobWorkerOptions, 'endpoint' | 'keyStore'> {
  /** Calls that run at a time, of each kind. */
  readonly concurrency: number
  readonly logger: Logger
  /** Whether everything else is left to others: calls that are not heavy, webhooks, what was lost. */
  readonly heavyOnly?: boolean
  /** How often it is looked for what was lost. */
  readonly everyMs?: number
}

/** Longer than a call is held by a worker that died, or its message would find it held. */
const visibilityMs = 30_000

/** Calls that were put off, on one machine. Returns what stops it, and waits for those that run. */
export function startJobs(
  jobs: JobServices,
  {
    endpoint,
    keyStore,
    concurrency,
    logger,
    heavyOnly = false,
    everyMs = 10_000,
  }: LocalJobsOptions,
): () => Promise<void> {
  const onFailure = (cause: unknown) => logger.error('a job message failed', { cause })
  const handle = createJobWorker({ openJobs: async () => jobs, endpoint, keyStore, logger })
  const { light, heavy, webhook } = jobs.queues
  const stopHeavy = consume({ queue: heavy, handle, concurrency, visibilityMs, onFailure })
  if (heavyOnly) return stopHeavy
  const stops = [
    stopHeavy,
    consume({ queue: light, handle, concurrency, visibilityMs, onFailure }),
    consume({
      queue: webhook,
      handle: createWebhookWorker({ jobs }),
      concurrency: 8,
      visibilityMs,
      onFailure,
    }),
    repeatedly(() => attendCalls(jobs).catch(onFailure), everyMs),
  ]
  return async () => {
    await Promise.all(stops.map((stop) => stop()))
  }
}

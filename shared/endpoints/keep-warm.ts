import type { JobServices } from '#shared/jobs/job-services.ts'
import type { Logger } from '#shared/observability/logger.ts'
import { repeatedly } from './repeatedly.ts'

export interface KeepWarmOptions {
  readonly openJobs: () => Promise<Pick<JobServices, 'warmth' | 'warmMs'>>
  readonly logger: Pick<Logger, 'warn'>
  /** Shorter than what is said to be warm stays so. */
  readonly everyMs?: number
}

/**
 * Says as long as this process lives that it holds a model ready, so that its calls need not be put off.
 * Returns what stops it. What fails is said again at the next turn; until then calls wait in turn.
 *
 * @param model with its version, e.g. `iris@1`
 */
export function keepWarm(
  model: string,
  { openJobs, logger, everyMs = 120_000 }: KeepWarmOptions,
): () => Promise<void> {
  return repeatedly(async () => {
    try {
      const { warmth, warmMs } = await openJobs()
      await warmth.keep(model, warmMs)
    } catch (cause) {
      logger.warn('a model is ready, which could not be said', { cause })
    }
  }, everyMs)
}

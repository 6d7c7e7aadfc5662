import { consume } from '#shared/batch/consume.ts'
import { readChunkMessage, readJobMessage } from '#shared/batch/messages.ts'
import { planJob } from '#shared/batch/plan-job.ts'
import { type PublishingServices, publishJob } from '#shared/batch/publish-job.ts'
import { createReconciler } from '#shared/batch/reconcile.ts'
import { scoreChunk } from '#shared/batch/score-chunk.ts'
import { cpuClass } from '#shared/batch/scoring/cpu-class.ts'
import { createProcessScorer } from '#shared/batch/scoring/process-scorer.ts'
import type { ReadArtifact } from '#shared/inference/model-runner.ts'
import type { Logger } from '#shared/observability/logger.ts'
import { logRefusal } from './log-refusal.ts'
import { repeatedly } from './repeatedly.ts'
import { scoreProgram } from './score-program.ts'

export interface LocalBatchOptions {
  readonly readArtifact: ReadArtifact
  /** Processes that score, one chunk at a time. */
  readonly size: number
  /** Of each of them. */
  readonly memoryLimitBytes?: number
  /** Where compiled code is kept, so that processes start sooner. */
  readonly codeCache?: string
  readonly logger: Logger
  /** How often the directory is looked at. */
  readonly everyMs?: number
}

/** What a process that was killed had in hand comes back after so long. */
const visibilityMs = 15_000

/**
 * Batches on one machine: three loops for the three functions, and a look at the directory for S3's
 * events. Returns what stops them, and waits for the chunks that are being scored.
 */
export function startBatch(
  services: PublishingServices,
  { logger, everyMs = 1_000, memoryLimitBytes = 2_000_000_000, ...scoring }: LocalBatchOptions,
): () => Promise<void> {
  const onFailure = (cause: unknown) => logger.error('a batch message failed', { cause })
  const { plan, score, publish } = services.queues
  const scorer = createProcessScorer({
    ...scoring,
    program: scoreProgram,
    memoryLimitBytes,
    onDeath: ({ kind }, model) => logger.warn('a scoring process has died', { model, code: kind }),
  })
  const scoringServices = { ...services, scorer, cpuClass: cpuClass() }
  const reconcile = createReconciler(services, {
    // A copy into the directory may still be under way; what is moved in keeps its old time.
    settleMs: 5_000,
    lookBackMs: Number.POSITIVE_INFINITY,
    onRefused: logRefusal(logger),
  })
  const stops = [
    consume({
      queue: plan,
      concurrency: 2,
      onFailure,
      visibilityMs,
      handle: (body, receives) => planJob(readJobMessage(body).job, receives, services),
    }),
    consume({
      queue: score,
      // One more than can be scored: it takes over while another's part and charge reach the disk.
      concurrency: scorer.size + 1,
      onFailure,
      visibilityMs,
      handle: (body, receives) => scoreChunk(readChunkMessage(body), receives, scoringServices),
    }),
    consume({
      queue: publish,
      concurrency: 2,
      onFailure,
      visibilityMs,
      handle: (body) => publishJob(readJobMessage(body).job, services),
    }),
    repeatedly(() => reconcile().catch(onFailure), everyMs),
  ]
  return async () => {
    await Promise.all(stops.map((stop) => stop()))
    await scorer.close()
  }
}

import { consume } from '#shared/batch/consume.ts'
import { readChunkMessage, readJobMessage } from '#shared/batch/messages.ts'
import { places } from '#shared/batch/places.ts'
import { planJob } from '#shared/batch/plan-job.ts'
import { type PublishingServices, publishJob } from '#shared/batch/publish-job.ts'
import { createReconciler } from '#shared/batch/reconcile.ts'
import { scoreChunk } from '#shared/batch/score-chunk.ts'
import { cpuClass } from '#shared/batch/scoring/cpu-class.ts'
import { createProcessScorer } from '#shared/batch/scoring/process-scorer.ts'
import { createObjectSweeper } from '#shared/batch/sweep-objects.ts'
import type { ReadArtifact } from '#shared/inference/model-runner.ts'
import type { Logger } from '#shared/observability/logger.ts'
import { repeatedly } from './repeatedly.ts'
import { scoreProgram } from './score-program.ts'
import { tellRefusal } from './tell-refusal.ts'

export interface LocalBatchOptions {
  readonly readArtifact: ReadArtifact
  /** Processes that score, one chunk at a time. */
  readonly size: number
  /** Of each of them. */
  readonly memoryLimitBytes?: number
  readonly recycleBytes?: number | undefined
  /** How long ended jobs keep what they were put together of. */
  readonly retentionMs?: number
  /** Where compiled code is kept, so that processes start sooner. */
  readonly codeCache?: string
  readonly logger: Logger
  /** How often the directory is looked at. */
  readonly everyMs?: number
}

/** How often all of a watched directory is looked at: a watch may miss something. */
const listEveryMs = 60_000

/** How often it is looked for files that have expired. */
const sweepMs = 60_000

/** What a process that was killed had in hand comes back after so long. */
const visibilityMs = 15_000

/**
 * Batches on one machine: three loops for the three functions, and a look at the directory for S3's
 * events. Returns what stops them, and waits for the chunks that are being scored.
 */
export function startBatch(
  services: PublishingServices,
  {
    logger,
    everyMs = 1_000,
    memoryLimitBytes = 2_000_000_000,
    retentionMs = 90 * 86_400_000,
    ...scoring
  }: LocalBatchOptions,
): () => Promise<void> {
  const onFailure = (cause: unknown) => logger.error('a batch message failed', { cause })
  const { plan, score, publish } = services.queues
  const scorer = createProcessScorer({
    ...scoring,
    program: scoreProgram,
    memoryLimitBytes,
    onDeath: ({ kind }, model) => logger.warn('a scoring process has died', { model, code: kind }),
    onRecycle: (_, model) => logger.info('a scoring process was replaced', { model }),
  })
  let rows = 0
  const jobs: typeof services.jobs = {
    ...services.jobs,
    finishChunk(id, report) {
      rows += report.results + report.errors
      return services.jobs.finishChunk(id, report)
    },
  }
  const scoringServices = { ...services, jobs, scorer, cpuClass: cpuClass() }
  const told = new Set<string>()
  let isWatched = false
  const watching = services.objects
    .watch?.(places.incoming, (key) => told.add(key))
    .then((stop) => {
      isWatched = true
      return stop
    })
    // Without it all of the directory is looked at every time.
    .catch((cause) => logger.warn('the directory of batches cannot be watched', { cause }))
  const reconcile = createReconciler(services, {
    told,
    listEveryMs: () => (isWatched ? listEveryMs : 0),
    // A copy into the directory may still be under way; what is moved in keeps its old time.
    settleMs: 5_000,
    lookBackMs: Number.POSITIVE_INFINITY,
    onRefused: tellRefusal({ ...services, logger }),
  })
  const sweep = createObjectSweeper(services, { retentionMs })
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
      // More where disks are slow, as long as more rows come out of it.
      mostAtATime: 2 * scorer.size + 1,
      worked: () => rows,
      onFailure,
      visibilityMs,
      handle: (body, receives) => scoreChunk(readChunkMessage(body), receives, scoringServices),
    }),
    consume({
      queue: publish,
      concurrency: 2,
      onFailure,
      visibilityMs,
      handle: (body, receives) => publishJob(readJobMessage(body).job, receives, services),
    }),
    repeatedly(() => reconcile().catch(onFailure), everyMs),
    repeatedly(() => sweep().catch(onFailure), sweepMs),
  ]
  return async () => {
    await (await watching)?.()
    await Promise.all(stops.map((stop) => stop()))
    await scorer.close()
  }
}

import type { Job } from '#shared/batch/job.ts'
import { hasEnded, progressOf, type TimeLeft } from '#shared/batch/job-progress.ts'
import { openLocalBatch } from '#test/batch/local-batch.ts'
import { batchInput, padded } from '../harness/batch-input.ts'
import { cacheFolder } from '../harness/cache-folder.ts'
import { clock } from '../harness/clock.ts'
import { storeBatch } from '../harness/order-batch.ts'
import { childrenOf, processUse } from '../harness/process-use.ts'
import { tell } from '../harness/tell.ts'
import { timePorts } from '../harness/time-ports.ts'

/** What a process is asked to do. */
export interface BatchJobOptions {
  readonly model: string
  /** Of the job that is measured, and of the one before it, which warms everything; 0 for none. */
  readonly records: number
  readonly warmUpRecords: number
  /** Processes that score. */
  readonly size: number
  /** About so many bytes a record, if the input is a table. */
  readonly recordBytes?: number
  /** Of a text; the usual size where absent. */
  readonly chunkBytes?: number
}

/** A job from the order until its outputs are out. */
export interface BatchJobTimes {
  readonly records: number
  readonly chunks: number
  readonly inputMB: number
  readonly outputMB: number
  readonly perSecond: number
  readonly planMs: number
  readonly scoreMs: number
  readonly publishMs: number
  /** From the order until the first chunk is settled. */
  readonly firstMs: number
  readonly hostCpuMs: number
  readonly scoringCpuMs: number
  readonly hostPeakMB: number
  /** Of one of the processes that score. */
  readonly scoringPeakMB: number
  /** Waited for each store, over all chunks. */
  readonly waitedMs: Readonly<Record<'ledger' | 'objects' | 'jobs' | 'queue', number>>
  /**
   * A quarter, half and three quarters of the way: told seconds that are left ÷ those that were, and
   * whether these lay within the range that was told.
   */
  readonly estimates: readonly { readonly ratio: number; readonly holds: boolean }[]
}

const [, , argument = ''] = process.argv
const options = JSON.parse(argument) as BatchJobOptions
const { chunkBytes } = options
const batch = await openLocalBatch({
  models: cacheFolder('batch-models'),
  size: options.size,
  // As a service does it.
  everyMs: 1_000,
  ...(chunkBytes && {
    chunkSizes: { bytes: () => chunkBytes, parquetRows: 32_768, listBytes: 8_000 },
  }),
})
const { services } = batch
const ports = timePorts(services)
const plain = batchInput(services.catalog.find(options.model))
const input = options.recordBytes ? padded(plain, options.recordBytes) : plain

async function runJob(records: number): Promise<BatchJobTimes> {
  const stored = await storeBatch(input, records, services)
  ports.reset()
  const before = usesNow()
  const orderedAt = clock()
  const orderedAtMs = Date.now()
  const { id } = await stored.order(options.model)
  let firstMs = 0
  const told: { at: number; timeLeft: TimeLeft }[] = []
  let job: Job | undefined
  for (;;) {
    job = await services.jobs.find(id)
    if (!job || job.state === 'paused' || job.state === 'failed') {
      throw new Error(`The job is ${job?.state}: ${JSON.stringify(job?.problems)}`)
    }
    if (firstMs === 0 && job.done.chunks > 0) firstMs = clock() - orderedAt
    const { timeLeft, bytesDone, bytes } = progressOf(job, Date.now())
    if (timeLeft !== undefined && told.length < 3 && bytesDone / bytes >= (told.length + 1) / 4) {
      told.push({ at: Date.now(), timeLeft })
    }
    if (hasEnded(job)) break
    // Who looks often takes time from those who work.
    await new Promise((resolve) => setTimeout(resolve, firstMs === 0 ? 5 : 50))
  }
  const after = usesNow()
  const { planning = 0, scoring = 0, publishing = 0, published = 0 } = job.times
  const wallMs = published - orderedAtMs
  if (job.done.results !== records) throw new Error(`${job.done.errors} records are errors.`)
  return {
    records,
    chunks: job.chunks,
    inputMB: stored.sizeBytes / 1e6,
    outputMB: job.outputs.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) / 1e6,
    perSecond: (records * 1_000) / wallMs,
    planMs: scoring - planning,
    scoreMs: publishing - scoring,
    publishMs: published - publishing,
    firstMs,
    hostCpuMs: after.host.cpuMs - before.host.cpuMs,
    scoringCpuMs: after.scoring.cpuMs - before.scoring.cpuMs,
    hostPeakMB: after.host.peakMB,
    scoringPeakMB: after.scoring.peakMB,
    waitedMs: ports.waitedMs(),
    estimates: told.map(({ at, timeLeft: { seconds, low, high } }) => {
      const trueSeconds = (published - at) / 1_000
      return { ratio: seconds / trueSeconds, holds: low <= trueSeconds && trueSeconds <= high }
    }),
  }
}

const usesNow = () => ({
  host: processUse([process.pid]),
  scoring: processUse(childrenOf(process.pid)),
})

const cold = options.warmUpRecords > 0 ? await runJob(options.warmUpRecords) : undefined
const warm = await runJob(options.records)
tell({ cold, warm })
await batch.close()
process.exit()

import type { JobEstimate } from '#shared/batch/estimate-job.ts'
import { costOf, type Job, maxChargeOf } from '#shared/batch/job.ts'
import { type JobProgress, progressOf, type TimeLeft } from '#shared/batch/job-progress.ts'
import type { PriceBook } from '#shared/metering/price-book.ts'
import { exact, time } from './account-answers.ts'

/** A job as its owner sees it. Absent is `null`; times are ISO 8601; amounts are micros of `currency`. */
export function batchJobAnswer(job: Job, now: number, prices: Pick<PriceBook, 'list'>) {
  const { order, done, times } = job
  const maxCharge = maxChargeOf(job)
  return {
    id: job.id,
    object: 'batch_job',
    state: job.state,
    model: order.model,
    input: order.input.kind === 'object' ? order.input.object.key : order.input.prefix,
    output_format: order.output.format,
    output_compression: order.output.compression ?? null,
    results: done.results,
    errors: done.errors,
    cost_micros: exact(costOf(job)),
    max_charge_micros: maxCharge === undefined ? null : exact(maxCharge),
    price_id: order.priceId,
    currency: prices.list().find(({ id }) => id === order.priceId)?.currency ?? null,
    /** Ordered with a test key: it costs nothing. */
    free: order.free,
    progress: progressAnswer(progressOf(job, now)),
    problems: job.problems,
    /** Of a paused job: what lets it go on. */
    fix: job.state === 'paused' ? fixOf(job) : null,
    outputs: job.outputs.map(({ name, key, sizeBytes, sha256 }) => ({
      name,
      path: `/v1/batch-jobs/${job.id}/${name}`,
      key,
      size_bytes: sizeBytes,
      sha256,
    })),
    created_at: time(job.createdAt),
    scoring_at: time(times.scoring),
    ended_at: time(times.published ?? times.cancelled ?? times.expired ?? times.failed),
    expires_at: time(order.expiresAt),
  }
}

/** A chunk that would be paid for within the cap may be refused beside others that hold all of it. */
function fixOf(job: Job): string {
  const { id, problems, done } = job
  const resume = `POST /v1/batch-jobs/${id}/resume`
  const left = (maxChargeOf(job) ?? 0n) - done.charge
  if (!problems.some(({ code }) => code === 'spend_cap_reached'))
    return `${resume}, once it is mended.`
  if (left <= 0n) return `${resume} with a higher "max_charge_micros".`
  return `${left} micros of the cap are left: held by chunks that ran at that time, or less than the next one may cost. ${resume} uses them; a higher "max_charge_micros" lets it go on beyond.`
}

const rounded = (left: TimeLeft | undefined) =>
  left && {
    seconds: Math.ceil(left.seconds),
    range: { low: Math.floor(left.low), high: Math.ceil(left.high) },
  }

const progressAnswer = (progress: JobProgress) => ({
  chunks: progress.chunks,
  chunks_done: progress.chunksDone,
  bytes: progress.bytes,
  bytes_done: progress.bytesDone,
  percent: progress.percent,
  rows_per_second: progress.rowsPerSecond ?? null,
  seconds_left: rounded(progress.timeLeft)?.seconds ?? null,
  /** As sure as that is. */
  seconds_left_range: rounded(progress.timeLeft)?.range ?? null,
})

/** What a job would come to. `seconds` is null where no job of the model has been seen yet. */
export const batchEstimateAnswer = ({ records, price, seconds, ...estimate }: JobEstimate) => ({
  object: 'batch_estimate',
  model: estimate.model,
  price_id: estimate.priceId,
  currency: estimate.currency,
  format: estimate.format,
  records,
  price_micros: { low: exact(price.low), high: exact(price.high) },
  seconds: seconds ?? null,
})

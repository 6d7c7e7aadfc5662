import type { JobEstimate } from '#shared/batch/estimate-job.ts'
import { type Job, maxChargeOf } from '#shared/batch/job.ts'
import { type JobProgress, progressOf } from '#shared/batch/job-progress.ts'
import { exact } from './account-answers.ts'

const time = (at: number | undefined) => (at === undefined ? null : new Date(at).toISOString())

/** A job as its owner sees it. Absent is `null`; times are ISO 8601; amounts are micros. */
export function batchJobAnswer(job: Job, now: number) {
  const { order, done, times } = job
  const maxCharge = maxChargeOf(job)
  return {
    id: job.id,
    object: 'batch_job',
    state: job.state,
    model: order.model,
    input: order.input.kind === 'object' ? order.input.object.key : order.input.prefix,
    output_format: order.output.format,
    results: done.results,
    errors: done.errors,
    cost_micros: exact(done.charge),
    max_charge_micros: maxCharge === undefined ? null : exact(maxCharge),
    price_id: order.priceId,
    progress: progressAnswer(progressOf(job, now)),
    problems: job.problems,
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

const progressAnswer = (progress: JobProgress) => ({
  chunks: progress.chunks,
  chunks_done: progress.chunksDone,
  bytes: progress.bytes,
  bytes_done: progress.bytesDone,
  percent: progress.percent,
  rows_per_second: progress.rowsPerSecond ?? null,
  seconds_left: progress.secondsLeft ?? null,
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

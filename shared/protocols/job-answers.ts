import { retentionMs } from '#shared/jobs/attention-at.ts'
import { type DeferredCall, hasEnded } from '#shared/jobs/deferred-call.ts'
import type { Wait } from '#shared/jobs/estimate-wait.ts'
import { exact, time } from './account-answers.ts'

/** A job as its owner sees it. Absent is `null`; times are ISO 8601; amounts are micros. */
export function jobAnswer(job: DeferredCall, wait?: Wait) {
  const { order, result, webhook } = job
  const { request } = order
  return {
    id: job.id,
    object: 'job',
    state: job.state,
    model: order.model,
    method: request.method,
    path: request.path,
    priority: order.priority,
    attempts: job.attempts,
    /** Of the tenant's own jobs, those that have their turn before this one. */
    position: wait?.position ?? null,
    seconds_left: secondsLeft(wait),
    cancel_requested: !hasEnded(job) && job.cancelAskedAt !== undefined,
    /** Of the answer. */
    status: result?.status ?? null,
    cost_micros: result?.charge === undefined ? null : exact(result.charge),
    result: result ? `/v1/jobs/${job.id}/result` : null,
    webhook: order.webhookUrl === undefined ? null : webhookAnswer(webhook),
    created_at: time(job.createdAt),
    started_at: time(startOf(job)),
    ended_at: time(job.endedAt),
    expires_at: time(job.endedAt === undefined ? undefined : job.endedAt + retentionMs),
  }
}

/** Before the job has ended there is nothing to tell. */
const webhookAnswer = (webhook: DeferredCall['webhook']) => ({
  state: webhook?.state ?? 'waiting',
  attempts: webhook?.attempts ?? 0,
  outcome: webhook?.outcome ?? null,
})

/** Of the run that is under way, or that gave the answer. */
const startOf = ({ run, result, endedAt }: DeferredCall): number | undefined =>
  run?.startedAt ?? (result && endedAt !== undefined ? endedAt - result.runMs : undefined)

/** `high` is null where a run takes longer than those before it. */
const secondsLeft = (wait: Wait | undefined) =>
  wait?.secondsLeft
    ? {
        low: Math.floor(wait.secondsLeft.low),
        high: wait.secondsLeft.high === undefined ? null : Math.ceil(wait.secondsLeft.high),
      }
    : null

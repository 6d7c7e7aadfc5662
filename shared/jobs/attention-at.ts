import { type DeferredCall, hasEnded } from './deferred-call.ts'

/** How long an ended call and its answer are kept. */
export const retentionMs = 7 * 86_400_000
/** A call that nothing was heard of for so long may have lost its message. */
const quietMs = 600_000
/** The message of a worker that died brings the call back by itself, if it was not lost. */
const takeOverMs = 30_000

/** When somebody must look after a call that nobody else looks after. */
export function attentionAt(call: DeferredCall): number {
  const { changedAt, notBefore, run, endedAt = changedAt, webhook } = call
  if (run) return run.leaseUntil + takeOverMs
  if (!hasEnded(call)) return Math.max(notBefore, changedAt) + quietMs
  if (webhook?.state === 'pending') return Math.max(webhook.nextAt, changedAt) + quietMs
  return endedAt + retentionMs
}

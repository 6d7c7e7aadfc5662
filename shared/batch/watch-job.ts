import type { Job } from './job.ts'
import { hasEnded } from './job-progress.ts'
import type { JobStore } from './job-store.ts'

export interface WatchOptions {
  readonly jobs: Pick<JobStore, 'find'>
  readonly sleep: (ms: number) => Promise<unknown>
  readonly everyMs?: number
  /** How long nothing may be heard of a job that stands still: who stands in between would hang up. */
  readonly quietMs?: number
  /** When to stop watching a job that goes on; whoever wants more asks again. */
  readonly forMs?: number
}

/** A job each time it has changed, and now and then, from how it stands now to its end. */
export async function* watchJob(
  id: string,
  { jobs, sleep, everyMs = 250, quietMs = 15_000, forMs = Number.POSITIVE_INFINITY }: WatchOptions,
): AsyncGenerator<Job> {
  let last = ''
  let toldMs = 0
  // Counted, not read off a clock, which may jump back.
  for (let waitedMs = 0; waitedMs <= forMs; waitedMs += everyMs) {
    const job = await jobs.find(id)
    if (!job) return
    const stamp = stampOf(job)
    if (stamp !== last || waitedMs - toldMs >= quietMs) {
      toldMs = waitedMs
      yield job
    }
    last = stamp
    if (hasEnded(job)) return
    await sleep(everyMs)
  }
}

/** Names how a job stands: another one whenever it has changed. */
export const stampOf = ({ state, changedAt, done }: Job): string =>
  `${state}-${changedAt}-${done.chunks}`

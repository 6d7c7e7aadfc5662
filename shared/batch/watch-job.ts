import type { Job } from './job.ts'
import { hasEnded } from './job-progress.ts'
import type { JobStore } from './job-store.ts'

export interface WatchOptions {
  readonly jobs: Pick<JobStore, 'find'>
  readonly sleep: (ms: number) => Promise<unknown>
  readonly everyMs?: number
  /** When to stop watching a job that goes on; whoever wants more asks again. */
  readonly forMs?: number
}

/** A job each time it has changed, from how it stands now to its end. */
export async function* watchJob(
  id: string,
  { jobs, sleep, everyMs = 250, forMs = Number.POSITIVE_INFINITY }: WatchOptions,
): AsyncGenerator<Job> {
  let last = ''
  // Counted, not read off a clock, which may jump back.
  for (let waitedMs = 0; waitedMs <= forMs; waitedMs += everyMs) {
    const job = await jobs.find(id)
    if (!job) return
    const stamp = `${job.state} ${job.changedAt} ${job.done.chunks}`
    if (stamp !== last) yield job
    last = stamp
    if (hasEnded(job)) return
    await sleep(everyMs)
  }
}

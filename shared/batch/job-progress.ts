import type { Job, JobState } from './job.ts'

/** How far a job is: of committed chunks only, so it never goes back. */
export interface JobProgress {
  readonly chunks: number
  readonly chunksDone: number
  readonly bytes: number
  readonly bytesDone: number
  /** 100 only once the outputs are out. */
  readonly percent: number
  /** Since scoring began, over all workers. */
  readonly rowsPerSecond: number | undefined
  readonly secondsLeft: number | undefined
}

const ended: ReadonlySet<JobState> = new Set(['published', 'cancelled', 'expired', 'failed'])

export const hasEnded = ({ state }: Pick<Job, 'state'>): boolean => ended.has(state)

export function progressOf(job: Job, now: number): JobProgress {
  const { done, bytes, chunks, times, state } = job
  const share = bytes > 0 ? done.bytes / bytes : 0
  const endedAt = times.publishing ?? times.cancelling ?? times.expiring ?? now
  const elapsedMs = endedAt - (times.scoring ?? now)
  const isScoring = state === 'scoring' && elapsedMs > 0 && done.chunks > 0
  return {
    chunks,
    chunksDone: done.chunks,
    bytes,
    bytesDone: done.bytes,
    percent: state === 'published' ? 100 : Math.min(99, Math.floor(share * 100)),
    rowsPerSecond:
      elapsedMs > 0 && done.chunks > 0
        ? Math.round(((done.results + done.errors) * 1_000) / elapsedMs)
        : undefined,
    secondsLeft: isScoring ? Math.ceil((elapsedMs * (1 / share - 1)) / 1_000) : undefined,
  }
}

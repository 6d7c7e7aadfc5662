import type { Job, JobState, ProgressMark } from './job.ts'

/** How far a job is: of committed chunks only, so it never goes back. */
export interface JobProgress {
  readonly chunks: number
  readonly chunksDone: number
  readonly bytes: number
  readonly bytesDone: number
  /** 100 only once the outputs are out. */
  readonly percent: number
  /** Over all workers, from when scoring began until it ended; pauses do not count. */
  readonly rowsPerSecond: number | undefined
  /** Of a job that is being scored. */
  readonly timeLeft: TimeLeft | undefined
}

export interface TimeLeft {
  /** Until the outputs are out, at the pace of the last chunks. */
  readonly seconds: number
  /** As the pace is now or was before, and as sure as so many chunks make it. */
  readonly low: number
  readonly high: number
}

const ended: ReadonlySet<JobState> = new Set(['published', 'cancelled', 'expired', 'failed'])

export const hasEnded = ({ state }: Pick<Job, 'state'>): boolean => ended.has(state)

export function progressOf(job: Job, now: number): JobProgress {
  const { done, bytes, chunks, state } = job
  const ranMs = scoringMs(job, now)
  const rows = done.results + done.errors
  return {
    chunks,
    chunksDone: done.chunks,
    bytes,
    bytesDone: done.bytes,
    percent: state === 'published' ? 100 : Math.min(99, percentOf(done.bytes, bytes)),
    rowsPerSecond: ranMs > 0 && done.chunks > 0 ? Math.round((rows * 1_000) / ranMs) : undefined,
    timeLeft: state === 'scoring' ? timeLeft(job, ranMs, now) : undefined,
  }
}

const percentOf = (part: number, whole: number) =>
  whole > 0 ? Math.floor((part / whole) * 100) : 0

/** How long it has been scored, without its pauses. */
function scoringMs({ times, rest, state }: Job, now: number): number {
  const stopped =
    times.publishing ?? times.cancelling ?? times.expiring ?? times.failing ?? times.failed
  // Also of a job that is published out of its last pause, since all of it was done by then.
  const paused = state === 'scoring' || rest?.until !== undefined ? undefined : rest?.since
  return (paused ?? stopped ?? now) - (times.scoring ?? now) - (rest?.ms ?? 0)
}

/**
 * What it takes to put the outputs together, as a share of the scoring: next to nothing where a model
 * is heavy, 6 to 20 % where it is light (iris, 100 MB, 2 vCPU with other work, 2026-11-23).
 */
const publishingShare = { usual: 0.05, most: 0.2 }

function timeLeft(job: Job, ranMs: number, now: number): TimeLeft | undefined {
  const { bytes, done, rest } = job
  const leftBytes = bytes - done.bytes
  const whole = done.bytes / ranMs
  if (!(whole > 0 && Number.isFinite(whole))) return undefined
  // A pause between two marks would be taken for a slow chunk.
  const marks = job.marks.filter(({ at }) => at >= (rest?.until ?? 0))
  // Of the last half and the last quarter of what is done.
  const paces = [10, 5].map((count) => paceOf(marks.slice(-count), now))
  const [pace = whole, recent = pace] = paces
  // Chunks differ and end at random: of n intervals the mean is known to about one in √n.
  const doubt = 1 / Math.sqrt(Math.max(1, marks.length - 1))
  const scoringLeft = (bytesAMs: number) => leftBytes / bytesAMs
  const seconds = (leftMs: number, share: number) =>
    (leftMs + share * (ranMs + scoringLeft(pace))) / 1_000
  return {
    seconds: seconds(scoringLeft(pace), publishingShare.usual),
    low: seconds(scoringLeft(Math.max(whole, pace, recent)) / (1 + doubt), 0),
    high: seconds(scoringLeft(Math.min(whole, pace, recent)) * (1 + doubt), publishingShare.most),
  }
}

/**
 * Bytes a millisecond, from the first mark to the last. What came before the first is not in it: the
 * start of processes, caches that were cold. Once nothing has come for longer than ever between two
 * marks, the wait counts, too.
 */
function paceOf(marks: readonly ProgressMark[], now: number): number | undefined {
  const [first] = marks
  const last = marks.at(-1)
  if (!first || !last || last.at <= first.at) return undefined
  const gaps = marks.slice(1).map(({ at }, before) => at - (marks[before]?.at ?? at))
  const overdueMs = Math.max(0, now - last.at - Math.max(...gaps))
  return (last.bytes - first.bytes) / (last.at - first.at + overdueMs)
}

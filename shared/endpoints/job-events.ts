import { setTimeout } from 'node:timers/promises'
import type { Job } from '#shared/batch/job.ts'
import type { JobStore } from '#shared/batch/job-store.ts'
import { stampOf, type WatchOptions, watchJob } from '#shared/batch/watch-job.ts'
import { encodeEvent } from '#shared/protocols/server-sent-events.ts'

export interface JobEventsOptions {
  readonly jobs: Pick<JobStore, 'find'>
  /** What is told of a job. */
  readonly answer: (job: Job) => unknown
  /** How long one answer may take; whoever listens asks again. */
  readonly forMs?: number | undefined
}

/**
 * A job as server-sent events, to its end. Ended by its reader it ends at once: a generator would
 * first wait for the next change, which of a paused job may never come.
 */
export function jobEvents(
  id: string,
  { jobs, answer, forMs }: JobEventsOptions,
): AsyncIterable<Uint8Array> {
  const left = new AbortController()
  const options: WatchOptions = {
    jobs,
    sleep: (ms) => setTimeout(ms, undefined, { signal: left.signal }),
    ...(forMs !== undefined && { forMs }),
  }
  const events = encoded(watchJob(id, options), answer)
  return {
    [Symbol.asyncIterator]: () => ({
      next: () => events.next(),
      async return() {
        left.abort()
        return { done: true, value: undefined }
      },
    }),
  }
}

async function* encoded(
  jobs: AsyncIterable<Job>,
  answer: (job: Job) => unknown,
): AsyncGenerator<Uint8Array> {
  for await (const job of jobs) yield encodeEvent({ id: stampOf(job), data: answer(job) })
}

import type { BatchServices } from './batch-services.ts'
import type { ChunkReport } from './chunk.ts'
import type { Job } from './job.ts'
import type { JobStore } from './job-store.ts'
import { toMessage } from './messages.ts'

/** Asks for every chunk that is not known to be done. Asking twice does no harm. */
export async function sendChunks(
  job: Job,
  { jobs, queues }: Pick<BatchServices, 'jobs' | 'queues'>,
): Promise<void> {
  const done = new Set<number>()
  for await (const { chunk } of reportsOf(job.id, jobs)) done.add(chunk)
  let next = 0
  while (next < job.chunks) {
    const messages = []
    for (; next < job.chunks && messages.length < 1_000; next += 1) {
      if (!done.has(next)) messages.push(toMessage(job, next))
    }
    await queues.score.send(messages)
  }
  // The last chunk may have been told of by someone who died before he had the job published.
  if (done.size === job.chunks) await queues.publish.send([toMessage(job)])
}

/** What is known of a job's finished chunks, in their order, from `start`. */
export async function* reportsOf(
  jobId: string,
  jobs: Pick<JobStore, 'reports'>,
  start = 0,
): AsyncGenerator<ChunkReport> {
  for (let first = start; ; ) {
    const page = await jobs.reports(jobId, first, 500)
    yield* page
    const last = page.at(-1)
    if (!last) return
    first = last.chunk + 1
  }
}

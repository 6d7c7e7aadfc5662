import type { BatchClient, JobAnswer } from './batch-client.ts'
import { jobLine } from './batch-job-text.ts'
import { progressLine } from './progress-line.ts'

const endStates: readonly string[] = ['published', 'cancelled', 'expired', 'failed', 'paused']

/** Follows a job to its end, or to where it pauses, with a line of progress on a terminal. */
export async function watchBatchJob(client: BatchClient, id: string): Promise<JobAnswer> {
  const line = progressLine()
  let job = (await client.get(`/v1/batch-jobs/${id}`)) as JobAnswer
  // A stream of events ends when its host likes; whoever wants more asks again.
  while (!endStates.includes(job.state)) {
    for await (const event of eventsOf(await client.read(`/v1/batch-jobs/${id}/events`))) {
      job = event as JobAnswer
      line.update(jobLine(job), job.progress.bytes_done, job.progress.bytes)
      if (endStates.includes(job.state)) break
    }
  }
  line.clear()
  return job
}

/** The data of server-sent events (HTML, 9.2), which here is JSON on one line. */
async function* eventsOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<unknown> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const piece of bytes) {
    text += decoder.decode(piece, { stream: true })
    const events = text.split('\n\n')
    text = events.pop() ?? ''
    for (const event of events) {
      const data = event.split('\n').find((line) => line.startsWith('data: '))
      if (data) yield JSON.parse(data.slice('data: '.length))
    }
  }
}

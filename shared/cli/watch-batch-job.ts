import { ServiceError } from '#shared/errors/service-error.ts'
import type { BatchClient, JobAnswer } from './batch-client.ts'
import { jobNumbers } from './batch-job-text.ts'
import { progressLine } from './progress-line.ts'
import { stopSignal } from './stop-signal.ts'

const endStates: readonly string[] = ['published', 'cancelled', 'expired', 'failed', 'paused']

export interface Watched {
  /** As it was seen last. */
  readonly job: JobAnswer
  /** Ctrl+C came before its end. */
  readonly left: boolean
}

/** Follows a job to its end, or to where it pauses, with a line of progress on a terminal. */
export async function watchBatchJob(client: BatchClient, id: string): Promise<Watched> {
  const line = progressLine()
  let job = (await client.get(`/v1/batch-jobs/${id}`)) as JobAnswer
  let left = false
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined
  void stopSignal().then(() => {
    left = true
    return reader?.cancel()
  })
  const follow = async () => {
    reader = (await client.read(`/v1/batch-jobs/${id}/events`)).getReader()
    for await (const event of eventsOf(reader)) {
      job = event as JobAnswer
      const { bytes, bytes_done: done } = job.progress
      line.update(job.state, done, bytes, jobNumbers(job))
      // Of a paused job more might come.
      if (endStates.includes(job.state)) break
    }
    await reader.cancel()
  }
  try {
    // A stream of events ends when its host likes; whoever wants more asks again.
    while (!left && !endStates.includes(job.state)) await follow()
  } catch (thrown) {
    throw thrown instanceof ServiceError ? thrown : hungUp(id, thrown)
  } finally {
    line.clear()
  }
  return { job, left }
}

const hungUp = (id: string, cause: unknown) =>
  new ServiceError('server_unreachable', {
    detail: `It went away; the job goes on when it is back: ${id}.`,
    fix: 'Follow it with "percall batch watch".',
    cause,
  })

/** The data of server-sent events (HTML, 9.2), which here is JSON on one line. */
async function* eventsOf(reader: ReadableStreamDefaultReader<Uint8Array>): AsyncGenerator<unknown> {
  const decoder = new TextDecoder()
  let text = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    text += decoder.decode(value, { stream: true })
    const events = text.split('\n\n')
    text = events.pop() ?? ''
    for (const event of events) {
      const data = event.split('\n').find((line) => line.startsWith('data: '))
      if (data) yield JSON.parse(data.slice('data: '.length))
    }
  }
}

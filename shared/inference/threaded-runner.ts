import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { type InferResult, modelKey, type Prediction } from './model.ts'
import type { ModelRunner, ReadArtifact } from './model-runner.ts'
import { type ModelThread, startModelThread } from './model-thread.ts'
import type { Work } from './worker-messages.ts'

export interface ThreadedRunnerOptions {
  readArtifact: ReadArtifact
  /** Threads that run models; one a CPU is best (each session then has one thread of its own). */
  threads: number
  /** How many models each thread keeps loaded. */
  limit?: number
  /** Calls that may wait for a free thread. */
  queueLength?: number
}

interface Job {
  readonly entry: ModelEntry
  readonly work: Work
  readonly done: PromiseWithResolvers<unknown>
}

/**
 * Runs models in worker threads, so that the event loop stays free: health checks, deadlines and
 * other calls go on during a long run. A free thread takes the next waiting call; one that already
 * has the model loaded is preferred.
 *
 * A deadline is answered on time, but nothing can stop a native call: its thread is replaced and
 * ends when the call returns. While too many such threads linger, new calls are refused.
 */
export function threadedRunner({
  readArtifact,
  threads: size,
  limit = 16,
  queueLength = 256,
}: ThreadedRunnerOptions): ModelRunner {
  const idle = new Set<ModelThread>()
  const busy = new Set<ModelThread>()
  const lingering = new Set<ModelThread>()
  const waiting: Job[] = []
  let closed = false

  const start = (): ModelThread => {
    const thread = startModelThread({
      readArtifact,
      limit,
      onExit: () => {
        for (const threads of [idle, busy, lingering]) threads.delete(thread)
        dispatch()
      },
    })
    return thread
  }
  const freeThread = (entry: ModelEntry): ModelThread | undefined => {
    const key = modelKey(entry)
    for (const thread of idle) if (thread.models.has(key)) return thread
    if (idle.size + busy.size < size) return start()
    const [any] = idle
    return any
  }
  const dispatch = (): void => {
    while (!closed && waiting[0]) {
      const thread = freeThread(waiting[0].entry)
      if (!thread) return
      void perform(thread, waiting.shift() as Job)
    }
  }
  const perform = async (thread: ModelThread, job: Job): Promise<void> => {
    idle.delete(thread)
    busy.add(thread)
    const timer = setTimeout(() => replace(thread, job), job.entry.manifest.limits.timeoutMs)
    await thread.run(job.entry, job.work).then(job.done.resolve, job.done.reject)
    clearTimeout(timer)
    if (busy.delete(thread)) idle.add(thread)
    dispatch()
  }
  const replace = (thread: ModelThread, job: Job): void => {
    job.done.reject(deadlineExceeded(job.entry))
    busy.delete(thread)
    lingering.add(thread)
    void thread.end()
    dispatch()
  }

  const call = async (entry: ModelEntry, work: Work): Promise<unknown> => {
    if (closed || waiting.length >= queueLength || lingering.size >= size * 2) {
      throw new ServiceError('overloaded', { model: modelKey(entry), retryAfterSeconds: 1 })
    }
    const job: Job = { entry, work, done: Promise.withResolvers() }
    waiting.push(job)
    const { timeoutMs } = entry.manifest.limits
    // Waiting counts too: the caller is told on time. A thread that began late may still end its
    // run, within the same time from its own start; replacing it would cost more than the run.
    const timer = setTimeout(() => {
      const place = waiting.indexOf(job)
      if (place >= 0) waiting.splice(place, 1)
      job.done.reject(deadlineExceeded(entry))
    }, timeoutMs)
    dispatch()
    try {
      return await job.done.promise
    } finally {
      clearTimeout(timer)
    }
  }

  return {
    predict: (entry, request) => call(entry, { kind: 'predict', request }) as Promise<Prediction>,
    infer: (entry, request) => call(entry, { kind: 'infer', request }) as Promise<InferResult>,
    load: async (entry) => void (await call(entry, { kind: 'load' })),
    ready: async (entry) => void (await call(entry, { kind: 'ready' })),
    async close() {
      closed = true
      for (const job of waiting.splice(0)) job.done.reject(new ServiceError('overloaded'))
      await Promise.all([...idle, ...busy, ...lingering].map((thread) => thread.end()))
    },
  }
}

function deadlineExceeded(entry: ModelEntry): ServiceError {
  return new ServiceError('deadline_exceeded', {
    model: modelKey(entry),
    detail: `${modelKey(entry)} did not answer within ${entry.manifest.limits.timeoutMs} ms.`,
  })
}

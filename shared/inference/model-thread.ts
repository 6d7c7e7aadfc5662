import { Worker } from 'node:worker_threads'
import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { modelKey } from './model.ts'
import type { ReadArtifact } from './model-runner.ts'
import type { ModelWorkerData } from './model-worker.ts'
import {
  type FromWorker,
  portableError,
  revivedError,
  type ToWorker,
  type Work,
} from './worker-messages.ts'

/** One worker thread that runs models, one call at a time. */
export interface ModelThread {
  /** The models that it has been given work for, and so has loaded or is loading. */
  readonly models: ReadonlySet<string>
  run(entry: ModelEntry, work: Work): Promise<unknown>
  /**
   * Ends the thread, once the call under way has ended: nothing can stop a native call, and a thread
   * that is told to end while it is inside one takes the whole process with it (SIGABRT,
   * onnxruntime-node 1.30).
   */
  end(): Promise<void>
}

export interface ModelThreadOptions {
  readArtifact: ReadArtifact
  /** How many models the thread keeps loaded. */
  limit: number
  /** Called when the thread has died by itself. */
  onExit: () => void
}

export function startModelThread({ readArtifact, limit, onExit }: ModelThreadOptions): ModelThread {
  const workerData: ModelWorkerData = { limit }
  const worker = new Worker(new URL('./model-worker.ts', import.meta.url), { workerData })
  worker.unref()
  const entries = new Map<string, ModelEntry>()
  const calls = new Map<number, PromiseWithResolvers<unknown>>()
  let lastId = 0
  let awaitsBytes = false

  const send = (message: ToWorker, transfer: ArrayBuffer[] = []) =>
    worker.postMessage(message, transfer)

  const giveBytes = async (key: string): Promise<void> => {
    awaitsBytes = true
    try {
      // A copy of its own: what is transferred is gone here, and others may share the original.
      const bytes = (await readArtifact(entries.get(key) as ModelEntry)).slice()
      send({ type: 'bytes', key, bytes }, [bytes.buffer])
    } catch (thrown) {
      send({ type: 'no-bytes', key, error: portableError(thrown) })
    }
    awaitsBytes = false
  }
  const settle = (id: number): PromiseWithResolvers<unknown> | undefined => {
    const call = calls.get(id)
    calls.delete(id)
    if (calls.size === 0) worker.unref()
    return call
  }

  worker.on('message', (message: FromWorker) => {
    if (message.type === 'fetch') void giveBytes(message.key)
    else if (message.type === 'result') settle(message.id)?.resolve(message.result)
    else settle(message.id)?.reject(revivedError(message.error))
  })
  let failure: unknown
  worker.on('error', (error) => {
    failure = error
  })
  worker.on('exit', () => {
    for (const call of calls.values()) {
      call.reject(
        new ServiceError('inference_failed', {
          detail: 'The thread that ran the model has ended.',
          cause: failure,
        }),
      )
    }
    calls.clear()
    onExit()
  })

  return {
    get models() {
      return new Set(entries.keys())
    },
    run(entry, work) {
      const key = modelKey(entry)
      if (!entries.has(key)) {
        entries.set(key, entry)
        send({ type: 'model', key, entry })
      }
      const call = Promise.withResolvers<unknown>()
      lastId += 1
      calls.set(lastId, call)
      worker.ref()
      send({ type: 'call', id: lastId, key, work })
      return call.promise
    },
    async end() {
      if (!awaitsBytes) await Promise.allSettled([...calls.values()].map(({ promise }) => promise))
      await worker.terminate()
    },
  }
}

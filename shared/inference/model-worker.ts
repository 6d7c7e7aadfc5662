import { parentPort, workerData } from 'node:worker_threads'
import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { inlineRunner } from './inline-runner.ts'
import { modelKey } from './model.ts'
import {
  type FromWorker,
  portableError,
  revivedError,
  type ToWorker,
  type Work,
} from './worker-messages.ts'

/**
 * The entry of a worker thread: an inline runner behind a message port. The worker asks the main
 * thread for the bytes of a model, so that one download serves every worker.
 */
export interface ModelWorkerData {
  readonly limit: number
}

const port = parentPort
if (!port) throw new Error('model-worker.ts is the entry of a worker thread')

const { limit } = workerData as ModelWorkerData
const entries = new Map<string, ModelEntry>()
const awaited = new Map<string, PromiseWithResolvers<Uint8Array<ArrayBuffer>>>()
/** The bytes are not kept here once they have arrived: the session has what it needs of them. */
const arrivalOf = (key: string) => {
  const arrival = awaited.get(key)
  awaited.delete(key)
  return arrival
}
const send = (message: FromWorker) => port.postMessage(message)

const runner = inlineRunner({
  threads: 1,
  limit,
  proveOnLoad: true,
  readArtifact(entry) {
    const arrival = Promise.withResolvers<Uint8Array<ArrayBuffer>>()
    awaited.set(modelKey(entry), arrival)
    send({ type: 'fetch', key: modelKey(entry) })
    return arrival.promise
  },
})

function perform(entry: ModelEntry, work: Work): Promise<unknown> {
  if (work.kind === 'predict') return runner.predict(entry, work.request)
  if (work.kind === 'infer') return runner.infer(entry, work.request)
  return work.kind === 'load' ? runner.load(entry) : runner.ready(entry)
}

port.on('message', async (message: ToWorker) => {
  if (message.type === 'model') {
    entries.set(message.key, message.entry)
  } else if (message.type === 'bytes') {
    arrivalOf(message.key)?.resolve(message.bytes)
  } else if (message.type === 'no-bytes') {
    arrivalOf(message.key)?.reject(revivedError(message.error))
  } else {
    try {
      const result = await perform(entries.get(message.key) as ModelEntry, message.work)
      send({ type: 'result', id: message.id, result })
    } catch (thrown) {
      send({ type: 'failure', id: message.id, error: portableError(thrown) })
    }
  }
})

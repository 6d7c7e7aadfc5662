import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { ServiceError } from '#shared/errors/service-error.ts'
import { revivedError } from '#shared/inference/worker-messages.ts'
import type {
  FromGenerationWorker,
  GenerationWorkerData,
  ToGenerationWorker,
} from './generation-messages.ts'
import type { Generator } from './generator.ts'
import { type TokenSink, tokenStream } from './token-stream.ts'

/**
 * A generator in a worker thread of its own: the event loop of the caller stays free, whatever the
 * model does. `bytes` are handed over: the caller has them no longer.
 * @throws ServiceError `model_opset_unsupported`, `model_invalid`, `out_of_memory`
 */
export async function startGenerationThread(options: GenerationWorkerData): Promise<Generator> {
  const worker = new Worker(new URL('./generation-worker.ts', import.meta.url), {
    workerData: options,
    transferList: [options.bytes.buffer],
  })
  const sinks = new Map<number, TokenSink>()
  const exit = once(worker, 'exit')
  const ready = Promise.withResolvers<void>()
  let lastId = 0
  let ending: unknown

  const send = (message: ToGenerationWorker) => worker.postMessage(message)
  /** The thread holds the process only while somebody waits for a token. */
  const forget = (id: number) => {
    sinks.delete(id)
    if (sinks.size === 0) worker.unref()
  }
  worker.on('message', (message: FromGenerationWorker) => {
    if (message.type === 'ready') return ready.resolve()
    if (message.type === 'broken') return ready.reject(revivedError(message.error))
    const sink = sinks.get(message.id)
    if (message.type === 'token') return sink?.push(message.token)
    if (message.type === 'end') sink?.end()
    else sink?.fail(revivedError(message.error))
    forget(message.id)
  })
  worker.on('error', (cause) => {
    ending = cause
  })
  worker.on('exit', () => {
    const error = threadEnded(ending)
    ready.reject(error)
    for (const sink of sinks.values()) sink.fail(error)
    sinks.clear()
  })
  await ready.promise
  worker.unref()

  return {
    contextTokens: options.contextTokens,
    generate({ signal, ...request }) {
      lastId += 1
      const id = lastId
      return tokenStream({
        signal,
        start(sink) {
          if (worker.threadId < 0) throw threadEnded(ending)
          sinks.set(id, sink)
          worker.ref()
          send({ type: 'generate', id, request })
        },
        leave() {
          send({ type: 'leave', id })
          forget(id)
        },
      })
    },
    async close() {
      if (worker.threadId < 0) return
      worker.ref()
      send({ type: 'close' })
      await exit
    },
  }
}

const threadEnded = (cause: unknown) =>
  new ServiceError('inference_failed', {
    detail: 'The thread that ran the model has ended.',
    cause,
  })

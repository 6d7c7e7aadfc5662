import { Worker } from 'node:worker_threads'
import { threadEnded } from '#shared/inference/thread-ended.ts'
import type { FromGenerationWorker, GenerationSource } from './generation-messages.ts'
import type { GenerationPlace, StartGenerationPlace } from './generation-place.ts'
import type { Generator } from './generator.ts'
import { createRemoteGenerator } from './remote-generator.ts'

/**
 * A generator in a worker thread of its own. It ends once the run under way has ended: nothing can
 * stop a native call.
 * @throws ServiceError those of reading and loading the model
 */
export const startGenerationThread = (source: GenerationSource): Promise<Generator> =>
  createRemoteGenerator(startThread, source)

const startThread: StartGenerationPlace = (receive): GenerationPlace => {
  const worker = new Worker(new URL('./generation-worker.ts', import.meta.url))
  const ended = threadEnded(worker)
  worker.on('message', (message: FromGenerationWorker) => receive(message))
  return {
    send: (message) => worker.postMessage(message),
    async sendBytes(bytes) {
      const whole = { bytes, at: 0, sizeBytes: bytes.length }
      worker.postMessage({ type: 'bytes', ...whole }, [bytes.buffer])
    },
    allow: (limitMs) => (limitMs === undefined ? worker.unref() : worker.ref()),
    async end() {
      worker.ref()
      worker.postMessage({ type: 'close' })
      await ended
    },
    hasGrown: () => false,
    ended,
  }
}

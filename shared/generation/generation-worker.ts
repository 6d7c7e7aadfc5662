import { parentPort, workerData } from 'node:worker_threads'
import { portableError } from '#shared/inference/worker-messages.ts'
import type {
  FromGenerationWorker,
  GenerationWorkerData,
  ToGenerationWorker,
} from './generation-messages.ts'
import type { GenerateRequest, Generator } from './generator.ts'
import { openOnnxGenerator } from './open-onnx-generator.ts'

/** The entry of a worker thread: a generator behind a message port. */
const port = parentPort
if (!port) throw new Error('generation-worker.ts is the entry of a worker thread')

const send = (message: FromGenerationWorker) => port.postMessage(message)
const readers = new Map<number, AbortController>()

async function open(): Promise<Generator | undefined> {
  try {
    return await openOnnxGenerator(workerData as GenerationWorkerData)
  } catch (thrown) {
    send({ type: 'broken', error: portableError(thrown) })
    port?.close()
    return undefined
  }
}

async function write(id: number, request: GenerateRequest, generator: Generator): Promise<void> {
  const reader = new AbortController()
  readers.set(id, reader)
  try {
    const tokens = generator.generate({ ...request, signal: reader.signal })
    for await (const token of tokens) send({ type: 'token', id, token })
    send({ type: 'end', id })
  } catch (thrown) {
    send({ type: 'failure', id, error: portableError(thrown) })
  }
  readers.delete(id)
}

const generator = await open()
if (generator) {
  port.on('message', (message: ToGenerationWorker) => {
    if (message.type === 'generate') void write(message.id, message.request, generator)
    else if (message.type === 'leave') readers.get(message.id)?.abort()
    else void generator.close().then(() => port.close())
  })
  send({ type: 'ready' })
}

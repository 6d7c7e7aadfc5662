import { parentPort } from 'node:worker_threads'
import { serveGenerations } from './serve-generations.ts'

/** The entry of a worker thread. */
const port = parentPort
if (!port) throw new Error('generation-worker.ts is the entry of a worker thread')
port.on(
  'message',
  serveGenerations((events) => port.postMessage(events), { onClosed: () => port.close() }),
)

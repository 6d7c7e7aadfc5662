import { parentPort } from 'node:worker_threads'
import { serveRuns } from './serve-runs.ts'

/** The entry of a worker thread. */
const port = parentPort
if (!port) throw new Error('model-worker.ts is the entry of a worker thread')
port.on(
  'message',
  serveRuns((message) => port.postMessage(message)),
)

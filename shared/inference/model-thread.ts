import { Worker } from 'node:worker_threads'
import type { RunnerWorker, RunnerWorkerOptions } from './runner-worker.ts'
import { threadEnded } from './thread-ended.ts'
import { createWorkerLink } from './worker-link.ts'
import type { FromWorker } from './worker-messages.ts'

/**
 * A worker thread that runs models. It ends once the run under way has ended: nothing can stop a
 * native call, and a thread that is told to end while it is inside one takes the whole process with
 * it (SIGABRT, onnxruntime-node 1.30).
 */
export function startModelThread({ onExit, ...options }: RunnerWorkerOptions): RunnerWorker {
  const worker = new Worker(new URL('./model-worker.ts', import.meta.url))
  worker.unref()
  const link = createWorkerLink({
    ...options,
    send: (message) => worker.postMessage(message),
    sendBytes(key, shared) {
      // A copy of its own: what is transferred is gone here.
      const bytes = shared.slice()
      worker.postMessage({ type: 'bytes', key, bytes, at: 0, sizeBytes: bytes.length }, [
        bytes.buffer,
      ])
    },
  })
  worker.on('message', (message: FromWorker) => link.receive(message))
  void threadEnded(worker).then((error) => {
    link.fail(error)
    onExit()
  })

  const end = async () => {
    if (!link.awaitsBytes) await link.current?.catch(() => undefined)
    await worker.terminate()
  }
  return {
    entries: link.entries,
    canBeKilled: false,
    isWorn: false,
    async run(entry, works) {
      worker.ref()
      try {
        return await link.run(entry, works)
      } finally {
        worker.unref()
      }
    },
    end,
    kill: end,
  }
}

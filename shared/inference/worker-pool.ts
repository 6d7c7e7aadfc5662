import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { modelKey } from './model.ts'
import type { RunnerWorker } from './runner-worker.ts'

export interface WorkerPoolOptions {
  start: (onExit: () => void) => RunnerWorker
  size: number
  /** How many models each worker keeps loaded. */
  modelLimit: number
  /** Called whenever a worker may have become free. */
  onFree: () => void
}

/** The workers of a runner: which are free, which take the place of others. */
export interface WorkerPool {
  /** How many could take a run now. */
  readonly free: number
  /** Workers that were given up and have not ended yet. */
  readonly lingering: number
  /** A worker that is now busy; one that already has the model is preferred. */
  acquire(entry: ModelEntry): RunnerWorker | undefined
  /** Its run has ended. */
  release(worker: RunnerWorker): void
  /** Its run must end: the worker is killed where that can be done, else left alone. */
  giveUp(worker: RunnerWorker): void
  /** Waits for the runs under way. */
  close(): Promise<void>
}

const retryMs = 10_000

export function createWorkerPool({
  start: startWorker,
  size,
  modelLimit,
  onFree,
}: WorkerPoolOptions): WorkerPool {
  const idle = new Set<RunnerWorker>()
  const busy = new Set<RunnerWorker>()
  const lingering = new Set<RunnerWorker>()
  /** Workers whose place another has taken. */
  const retired = new WeakSet<RunnerWorker>()
  let successor: RunnerWorker | undefined
  /** By `performance.now()`; after one has failed, the next is not started at once. */
  let successorAfter = 0
  let closed = false

  const start = (): RunnerWorker => {
    const worker = startWorker(() => {
      for (const workers of [idle, busy, lingering]) workers.delete(worker)
      if (successor === worker) successor = undefined
      onFree()
    })
    return worker
  }

  /** The successor takes over once it has loaded and proven all that the old one has. */
  const replace = async (worn: RunnerWorker): Promise<void> => {
    const next = start()
    successor = next
    try {
      for (const entry of [...worn.entries.values()].slice(-modelLimit)) {
        const timer = setTimeout(() => void next.kill(), entry.manifest.limits.timeoutMs)
        const loading = next.run(entry, [{ kind: 'load' }])
        const [answer] = await loading.finally(() => clearTimeout(timer))
        if (!answer?.ok) throw new Error('The successor cannot take over.')
      }
    } catch {
      // The old one goes on.
      successorAfter = performance.now() + retryMs
      return void next.kill()
    }
    successor = undefined
    // Where the old one has gone meanwhile, its place may be another's.
    const hasPlace = idle.has(worn) || busy.has(worn) || idle.size + busy.size < size
    if (closed || !hasPlace) return void next.kill()
    retired.add(worn)
    idle.add(next)
    if (idle.delete(worn)) void worn.end()
    onFree()
  }

  return {
    get free() {
      return Math.max(size - busy.size, idle.size)
    },
    get lingering() {
      return lingering.size
    },
    acquire(entry) {
      const key = modelKey(entry)
      const [any] = idle
      const loaded = [...idle].find(({ entries }) => entries.has(key))
      const worker = loaded ?? (idle.size + busy.size < size ? start() : any)
      if (!worker) return undefined
      idle.delete(worker)
      busy.add(worker)
      return worker
    },
    release(worker) {
      if (!busy.delete(worker)) return
      if (retired.has(worker)) return void worker.end()
      idle.add(worker)
      const mayReplace = !successor && !closed && performance.now() > successorAfter
      if (worker.isWorn && mayReplace) void replace(worker)
    },
    giveUp(worker) {
      busy.delete(worker)
      lingering.add(worker)
      void worker.kill()
    },
    async close() {
      closed = true
      const ended = [...idle, ...busy, ...lingering].map((worker) => worker.end())
      await Promise.all([...ended, successor?.kill()])
    },
  }
}

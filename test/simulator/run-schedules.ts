import { Worker } from 'node:worker_threads'
import type { Target } from './run-seed.ts'
import type { Failure, Portion, PortionReport } from './schedule-worker.ts'

export interface RunSchedulesOptions {
  readonly schedules: number
  /** The first seed. */
  readonly from?: number
  readonly target?: Target
  readonly workers?: number
  /** Told of every portion that is done. */
  readonly onProgress?: (done: number) => void
}

export interface RunReport {
  readonly schedules: number
  readonly seconds: number
  readonly failures: readonly Failure[]
  /** How often what happened, by name. */
  readonly events: ReadonlyMap<string, number>
}

const portionSize = { memory: 500, sqlite: 50 }
/** After so many there is enough to look at. */
const enoughFailures = 20

/** Many schedules on all workers. Which worker runs a seed makes no difference to it. */
export async function runSchedules({
  schedules,
  from = 1,
  target = 'memory',
  workers = 2,
  onProgress,
}: RunSchedulesOptions): Promise<RunReport> {
  const started = performance.now()
  const failures: Failure[] = []
  const events = new Map<string, number>()
  const end = from + schedules
  let next = from
  let done = 0

  async function work(): Promise<void> {
    const worker = new Worker(new URL('./schedule-worker.ts', import.meta.url), { execArgv: [] })
    try {
      while (next < end && failures.length < enoughFailures) {
        const to = Math.min(next + portionSize[target], end)
        const report = await ask(worker, { from: next, to, target }, () => (next = to))
        failures.push(...report.failures)
        for (const [event, count] of report.events) {
          events.set(event, (events.get(event) ?? 0) + count)
        }
        done += report.schedules
        onProgress?.(done)
      }
    } finally {
      await worker.terminate()
    }
  }

  await Promise.all(Array.from({ length: workers }, work))
  failures.sort((a, b) => a.seed - b.seed)
  return { schedules: done, seconds: (performance.now() - started) / 1_000, failures, events }
}

function ask(worker: Worker, portion: Portion, onTaken: () => void): Promise<PortionReport> {
  onTaken()
  return new Promise((resolve, reject) => {
    worker.once('error', reject)
    worker.once('message', (report: PortionReport) => {
      worker.off('error', reject)
      resolve(report)
    })
    worker.postMessage(portion)
  })
}

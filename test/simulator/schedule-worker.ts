import { parentPort } from 'node:worker_threads'
import { runSeed, type Target } from './run-seed.ts'

/** Seeds `from` to `to`, the last one excluded. */
export interface Portion {
  readonly from: number
  readonly to: number
  readonly target: Target
}

export interface PortionReport {
  readonly schedules: number
  readonly failures: readonly Failure[]
  readonly events: ReadonlyMap<string, number>
}

export interface Failure {
  readonly seed: number
  readonly rule: string
  readonly detail: string
}

// Errors are part of every schedule, and nobody reads where they were thrown.
Error.stackTraceLimit = 0

parentPort?.on('message', async ({ from, to, target }: Portion) => {
  const events = new Map<string, number>()
  const failures: Failure[] = []
  for (let seed = from; seed < to; seed += 1) {
    const [violation] = await runSeed(seed, { target, events })
    if (violation) failures.push({ seed, ...violation })
  }
  parentPort?.postMessage({ schedules: to - from, failures, events } satisfies PortionReport)
})

import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { loadModel } from '#shared/inference/load-model.ts'
import { type Model, modelKey } from '#shared/inference/model.ts'
import { type ModelCall, runTogether } from '#shared/inference/run-together.ts'
import type { RunnerWorker, RunnerWorkerOptions } from '#shared/inference/runner-worker.ts'
import { type Answer, portableError } from '#shared/inference/worker-messages.ts'
import type { Session } from '#shared/runtime/session.ts'

/** What a row's first number does to the run that it is in. */
export const fate = { fails: 1_001, crashes: 1_002, hangs: 1_003, isSlow: 1_004 } as const

export interface SimulationOptions {
  /** Milliseconds that a run of so many rows takes. */
  runMs: (rows: number) => number
  canBeKilled: boolean
  rowsPerRun: number
  /** Hears how many rows each run has. */
  onRun?: (rows: number) => void
}

/** A session made of arithmetic, each row for itself: two scores of as many numbers as there are. */
function arithmeticSession(
  { runMs, onRun }: Pick<SimulationOptions, 'runMs' | 'onRun'>,
  crash: () => void,
): Session {
  return {
    inputNames: ['features'],
    outputNames: ['scores'],
    provider: 'cpu',
    declined: [],
    async run({ features }) {
      const [rows = 0, width = 1] = features?.shape ?? []
      const values = features?.data as Float32Array
      const own = (row: number) => values.subarray(row * width, (row + 1) * width)
      const fates = Array.from({ length: rows }, (_, row) => own(row)[0])
      onRun?.(rows)
      if (fates.includes(fate.hangs)) await new Promise(() => {})
      const slowness = fates.includes(fate.isSlow) ? 20 : 1
      await new Promise((resolve) => setTimeout(resolve, runMs(rows) * slowness))
      if (fates.includes(fate.crashes)) {
        crash()
        await new Promise(() => {})
      }
      if (fates.includes(fate.fails)) throw new ServiceError('inference_failed')
      const scores = Float32Array.from({ length: rows * 2 }, (_, at) =>
        own(at >> 1).reduce((sum, value) => Math.fround(sum * (at % 2 ? 1.7 : -0.3) + value), 0),
      )
      return { scores: { datatype: 'FP32', shape: [rows, 2], data: scores } }
    },
    runInto: () => Promise.reject(new Error('No task asks for that.')),
    close: async () => undefined,
  }
}

export const simulatedModel = (
  entry: ModelEntry,
  options: Pick<SimulationOptions, 'runMs' | 'onRun'>,
  crash: () => void = () => undefined,
): Promise<Model> =>
  loadModel(entry, {
    readArtifact: async () => new Uint8Array(),
    createSession: async () => arithmeticSession(options, crash),
    threads: 1,
  })

/** A worker that lives in this thread, by the clock of the test. */
export function simulatedWorker(
  { onExit }: RunnerWorkerOptions,
  simulation: SimulationOptions,
): RunnerWorker {
  const entries = new Map<string, ModelEntry>()
  let current: PromiseWithResolvers<readonly Answer[]> | undefined
  let hasEnded = false
  const end = (code: 'inference_failed' | 'overloaded') => {
    if (hasEnded) return
    hasEnded = true
    current?.reject(new ServiceError(code))
    onExit()
  }
  const perform = async (entry: ModelEntry, calls: readonly ModelCall[]): Promise<Answer[]> => {
    const model = await simulatedModel(entry, simulation, () => end('inference_failed'))
    const outcomes = await runTogether(model, calls, simulation.rowsPerRun)
    return outcomes.map((outcome) =>
      outcome.status === 'fulfilled'
        ? { ok: true, result: outcome.value }
        : { ok: false, error: portableError(outcome.reason) },
    )
  }
  const whenDone = async () => {
    await current?.promise.catch(() => undefined)
    end('overloaded')
  }
  return {
    entries,
    canBeKilled: simulation.canBeKilled,
    isWorn: false,
    async run(entry, works) {
      entries.set(modelKey(entry), entry)
      current = Promise.withResolvers()
      const done = current
      perform(entry, works as readonly ModelCall[]).then(done.resolve, done.reject)
      return done.promise.finally(() => {
        current = undefined
      })
    },
    end: whenDone,
    kill: async () => (simulation.canBeKilled ? end('overloaded') : whenDone()),
  }
}

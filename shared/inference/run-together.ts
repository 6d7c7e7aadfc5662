import type { Tensors } from '#shared/runtime/tensor.ts'
import { findTask } from '#shared/tasks/find-task.ts'
import { joinTensors, jointShape, rowsOf, splitTensors } from './joint-tensors.ts'
import type { InferRequest, InferResult, Model, Prediction, PredictRequest } from './model.ts'
import { taskModelOf } from './task-model.ts'

/** A call that asks a model for an answer. */
export type ModelCall =
  | { readonly kind: 'predict'; readonly request: PredictRequest }
  | { readonly kind: 'infer'; readonly request: InferRequest }

type Outcome = PromiseSettledResult<Prediction | InferResult>

/** A call that is ready to share a run. */
interface Joinable {
  readonly place: number
  readonly tensors: Tensors
  readonly rows: number
  readonly outputs: readonly string[] | undefined
  finish(outputs: Tensors, runMs: number): Prediction | InferResult
}

/**
 * Runs several calls of a model, together where they fit: each is prepared on its own, their rows
 * share a run, and each is interpreted on its own. Whoever cannot share, and all of a run that
 * failed, run alone; so each gets what it would get alone, bit by bit, its own error included.
 *
 * @param rowsPerRun rows of one run: as many as are proven not to influence each other
 * @returns one outcome a call, in their order
 */
export async function runTogether(
  model: Model,
  calls: readonly ModelCall[],
  rowsPerRun: number,
): Promise<readonly Outcome[]> {
  const outcomes: (Outcome | undefined)[] = calls.map(() => undefined)
  const groups = new Map<string, Joinable[]>()
  for (const [place, call] of rowsPerRun > 1 && calls.length > 1 ? calls.entries() : []) {
    try {
      const joinable = await prepare(model, call, place, rowsPerRun)
      if (!joinable) continue
      const key = JSON.stringify([jointShape(joinable.tensors), joinable.outputs])
      groups.set(key, [...(groups.get(key) ?? []), joinable])
    } catch (reason) {
      outcomes[place] = { status: 'rejected', reason }
    }
  }
  for (const run of [...groups.values()].flatMap((group) => runsOf(group, rowsPerRun))) {
    const results = run.length > 1 ? await runJointly(model, run).catch(() => []) : []
    for (const [at, { place }] of run.entries()) outcomes[place] = results[at]
  }
  for (const [place, call] of calls.entries()) outcomes[place] ??= await runAlone(model, call)
  return outcomes as Outcome[]
}

/** @returns nothing for a call that must run alone @throws what the call would get alone */
async function prepare(
  { entry }: Model,
  call: ModelCall,
  place: number,
  rowsPerRun: number,
): Promise<Joinable | undefined> {
  if (call.kind === 'infer') {
    const { inputs: tensors, outputs } = call.request
    const rows = rowsOf(tensors)
    if (rows === undefined || rows === 0 || rows > rowsPerRun) return undefined
    const finish = (results: Tensors, runMs: number) => ({ outputs: results, timings: { runMs } })
    return { place, tensors, rows, outputs, finish }
  }
  const { inputs, parameters } = call.request
  const [task, model] = [await findTask(entry.manifest.task.name), taskModelOf(entry)]
  const { rows, single } = task.rows(inputs, model)
  const most = Math.min(rowsPerRun, entry.manifest.limits.rows)
  if (rows.length === 0 || rows.length > most) return undefined
  const start = performance.now()
  const { tensors, interpret } = await task.prepare(rows, parameters, model)
  const prepareMs = performance.now() - start
  if (rowsOf(tensors) !== rows.length) return undefined
  return {
    place,
    tensors,
    rows: rows.length,
    outputs: entry.manifest.outputs.map(({ name }) => name),
    finish(results, runMs) {
      const ran = performance.now()
      const outputs = interpret(results)
      const timings = { prepareMs, runMs, interpretMs: performance.now() - ran }
      return { outputs: single ? outputs[0] : [...outputs], rows: rows.length, timings }
    },
  }
}

/** Cuts a group into runs, in its order, of at most so many rows. */
function runsOf(group: readonly Joinable[], rowsPerRun: number): Joinable[][] {
  const runs: Joinable[][] = []
  let room = 0
  for (const joinable of group) {
    if (joinable.rows > room) {
      runs.push([])
      room = rowsPerRun
    }
    runs.at(-1)?.push(joinable)
    room -= joinable.rows
  }
  return runs
}

/** @throws where the run failed, whoever is to blame */
async function runJointly(model: Model, run: readonly Joinable[]): Promise<Outcome[]> {
  const inputs = joinTensors(run.map(({ tensors }) => tensors))
  const { outputs, timings } = await model.infer({ inputs, outputs: run[0]?.outputs })
  const parts = splitTensors(
    outputs,
    run.map(({ rows }) => rows),
  )
  return run.map(({ finish }, at) => {
    try {
      return { status: 'fulfilled', value: finish(parts[at] ?? {}, timings.runMs) }
    } catch (reason) {
      return { status: 'rejected', reason }
    }
  })
}

async function runAlone(model: Model, call: ModelCall): Promise<Outcome> {
  const [outcome] = await Promise.allSettled([
    call.kind === 'predict' ? model.predict(call.request) : model.infer(call.request),
  ])
  return outcome
}

import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { CreateSession, Session } from '#shared/runtime/session.ts'
import { findTask } from '#shared/tasks/find-task.ts'
import type { Task } from '#shared/tasks/task.ts'
import { type Model, modelKey } from './model.ts'
import { taskModelOf } from './task-model.ts'

export interface LoadModelOptions {
  createSession: CreateSession
  threads: number
}

/**
 * A model of its verified bytes.
 * @throws ServiceError `model_invalid`, `model_opset_unsupported`, `out_of_memory`, which name it
 */
export async function loadModel(
  entry: ModelEntry,
  bytes: Uint8Array<ArrayBuffer>,
  { createSession, threads }: LoadModelOptions,
): Promise<Model> {
  try {
    const [session, task] = await Promise.all([
      createSession(bytes, { threads, format: entry.manifest.artifact.format }),
      findTask(entry.manifest.task.name),
    ])
    refuseForeignTensors(entry, session)
    return createModel(entry, session, task)
  } catch (thrown) {
    const { code, detail, cause } = ServiceError.from(thrown)
    throw new ServiceError(code, {
      model: modelKey(entry),
      detail: `${modelKey(entry)} cannot be loaded${detail ? `: ${detail}` : '.'}`,
      cause: cause ?? thrown,
    })
  }
}

function createModel(entry: ModelEntry, session: Session, task: Task): Model {
  const { manifest } = entry
  const model = taskModelOf(entry)
  const outputNames = manifest.outputs.map(({ name }) => name)
  // A graph whose first dimension is fixed takes that many rows a run, and no others.
  const fixedRows = manifest.inputs[0]?.shape[0] ?? -1
  const rowsPerRun = fixedRows > 0 ? fixedRows : manifest.limits.rows

  return {
    entry,
    async predict({ inputs, parameters }) {
      const { rows, single } = task.rows(inputs, model)
      refuseTooManyRows(rows.length, manifest.limits.rows)
      const outputs: unknown[] = []
      const timings = { prepareMs: 0, runMs: 0, interpretMs: 0 }
      for (let first = 0; first < rows.length; first += rowsPerRun) {
        const part = rows.length > rowsPerRun ? rows.slice(first, first + rowsPerRun) : rows
        const start = performance.now()
        const { tensors, interpret } = await task.prepare(part, parameters, model)
        const prepared = performance.now()
        const results = await session.run(tensors, outputNames)
        const ran = performance.now()
        outputs.push(...interpret(results))
        timings.prepareMs += prepared - start
        timings.runMs += ran - prepared
        timings.interpretMs += performance.now() - ran
      }
      return { outputs: single ? outputs[0] : outputs, rows: rows.length, timings }
    },
    async infer({ inputs, outputs = outputNames }) {
      const start = performance.now()
      const results = await session.run(inputs, outputs)
      return { outputs: results, timings: { runMs: performance.now() - start } }
    },
    close: () => session.close(),
  }
}

function refuseTooManyRows(rows: number, limit: number): void {
  if (rows <= limit) return
  throw new ServiceError('too_many_rows', {
    detail: `${rows} inputs were sent; at most ${limit} are taken in one call.`,
  })
}

/** The manifest is what callers are told; a file with other tensors is not the one it describes. */
function refuseForeignTensors({ manifest }: ModelEntry, session: Session): void {
  const missing = [
    ...manifest.inputs.filter(({ name }) => !session.inputNames.includes(name)),
    ...manifest.outputs.filter(({ name }) => !session.outputNames.includes(name)),
  ].map(({ name }) => name)
  const needed = session.inputNames.filter(
    (name) => !manifest.inputs.some((input) => input.name === name),
  )
  if (missing.length === 0 && needed.length === 0) return
  throw new ServiceError('model_invalid', {
    detail: `its tensors are not those of the manifest (${[...missing, ...needed].join(', ')}).`,
  })
}

import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { Logger } from '#shared/observability/logger.ts'
import type { CreateSession, Session } from '#shared/runtime/session.ts'
import { findTask } from '#shared/tasks/find-task.ts'
import type { Task } from '#shared/tasks/task.ts'
import { type Model, modelKey } from './model.ts'
import type { ReadArtifact } from './model-runner.ts'
import { openSession } from './open-session.ts'
import { refuseTooManyRows } from './refuse-too-many-rows.ts'
import { taskModelOf } from './task-model.ts'

export interface LoadModelOptions {
  readArtifact: ReadArtifact
  createSession: CreateSession
  threads: number
  /** Told which provider runs a model that asks for another than the CPU. */
  logger?: Pick<Logger, 'info'> | undefined
}

/**
 * Fetches a model's file and makes it ready to run.
 * @throws ServiceError `artifact_…`, `model_invalid`, `model_opset_unsupported`, `out_of_memory`,
 * each naming the model
 */
export async function loadModel(entry: ModelEntry, options: LoadModelOptions): Promise<Model> {
  try {
    const [session, task] = await Promise.all([
      openDescribed(entry, options),
      findTask(entry.manifest.task.name),
    ])
    return createModel(entry, session, task)
  } catch (thrown) {
    const { code, detail, retryAfterSeconds, cause } = ServiceError.from(thrown)
    throw new ServiceError(code, {
      model: modelKey(entry),
      detail: `${modelKey(entry)} cannot be loaded${detail ? `: ${detail}` : '.'}`,
      ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
      cause: cause ?? thrown,
    })
  }
}

async function openDescribed(
  entry: ModelEntry,
  { readArtifact, createSession, threads, logger }: LoadModelOptions,
): Promise<Session> {
  const { artifact, providers } = entry.manifest
  const session = await openSession(await readArtifact(entry), {
    model: modelKey(entry),
    createSession,
    threads,
    format: artifact.format,
    providers,
    logger,
  })
  const foreign = foreignTensors(entry, session)
  if (foreign.length === 0) return session
  await session.close()
  throw new ServiceError('model_invalid', {
    detail: `its tensors are not those of the manifest (${foreign.join(', ')}).`,
  })
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

/** The manifest is what callers are told; a file with other tensors is not the one it describes. */
function foreignTensors({ manifest }: ModelEntry, session: Session): string[] {
  const namesOf = (infos: readonly { name: string }[]) => infos.map(({ name }) => name)
  const [inputs, outputs] = [namesOf(manifest.inputs), namesOf(manifest.outputs)]
  return [
    ...inputs.filter((name) => !session.inputNames.includes(name)),
    ...session.inputNames.filter((name) => !inputs.includes(name)),
    ...outputs.filter((name) => !session.outputNames.includes(name)),
  ]
}

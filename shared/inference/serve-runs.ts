import { flushCompileCache } from 'node:module'
import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { createOnnxSession } from '#shared/runtime/onnx-session.ts'
import { batchRows } from './batch-rows.ts'
import { pieceTaker } from './file-pieces.ts'
import { modelKey } from './model.ts'
import { type ProvenModels, type ProvenModelsOptions, provenModels } from './proven-models.ts'
import { type ModelCall, runTogether } from './run-together.ts'
import {
  type Answer,
  type FromWorker,
  portableError,
  revivedError,
  type ToWorker,
  type Work,
} from './worker-messages.ts'

export type ServeRunsOptions = Pick<ProvenModelsOptions, 'createSession' | 'logger'>

interface Arrival {
  readonly done: PromiseWithResolvers<Uint8Array<ArrayBuffer>>
  readonly take: ReturnType<typeof pieceTaker>
}

/**
 * What a worker does, be it a thread or a process: it runs models for a runner behind messages, and
 * asks it for their files, so that one download serves every worker.
 *
 * @param send takes what the runner is to be told
 * @returns what takes the runner's messages
 */
export function serveRuns(
  send: (message: FromWorker) => void,
  { createSession = createOnnxSession, logger }: ServeRunsOptions = {},
): (message: ToWorker) => void {
  const entries = new Map<string, ModelEntry>()
  const arrivals = new Map<string, Arrival>()
  /** Rows that a run of each model may join. */
  const jointRows = new Map<string, number>()
  let models: ProvenModels | undefined

  const begin = (limit: number): ProvenModels =>
    provenModels({
      threads: 1,
      limit,
      proveOnLoad: true,
      createSession,
      logger,
      async readArtifact(entry) {
        const key = modelKey(entry)
        const done = Promise.withResolvers<Uint8Array<ArrayBuffer>>()
        arrivals.set(key, { done, take: pieceTaker() })
        send({ type: 'fetch', key })
        // The bytes are not kept here once they have arrived: the session has what it needs of them.
        const bytes = await done.promise.finally(() => arrivals.delete(key))
        // A graph of a fixed number of rows takes no others.
        const isOpen = entry.manifest.inputs.every(({ shape }) => shape[0] === -1)
        jointRows.set(key, isOpen ? batchRows(entry.manifest, bytes) : 1)
        return bytes
      },
    })

  function take({ key, ...piece }: Extract<ToWorker, { type: 'bytes' }>): void {
    const arrival = arrivals.get(key)
    const file = arrival?.take(piece)
    if (file) arrival?.done.resolve(file)
  }

  async function perform(key: string, works: readonly Work[]): Promise<readonly Answer[]> {
    const entry = entries.get(key)
    if (!entry || !models) throw new Error('A run came before its model.')
    if (works.some(({ kind }) => kind === 'ready')) await models.prove(entry)
    const calls = works.filter((work): work is ModelCall => 'request' in work)
    const outcomes = await models.use(entry, (model) =>
      runTogether(model, calls, jointRows.get(key) ?? 1),
    )
    // What only asked for the model has it.
    if (calls.length === 0) return works.map(() => ({ ok: true, result: undefined }))
    return outcomes.map((outcome) =>
      outcome.status === 'fulfilled'
        ? { ok: true, result: outcome.value }
        : { ok: false, error: portableError(outcome.reason) },
    )
  }

  return async (message) => {
    if (message.type === 'begin') models = begin(message.modelLimit)
    else if (message.type === 'model') entries.set(message.key, message.entry)
    else if (message.type === 'bytes') take(message)
    else if (message.type === 'no-bytes') {
      arrivals.get(message.key)?.done.reject(revivedError(message.error))
    } else {
      const { key, works } = message
      const isLoaded = jointRows.has(key)
      const answers = await perform(key, works).catch((thrown) =>
        works.map(() => ({ ok: false, error: portableError(thrown) }) as const),
      )
      send({ type: 'answers', answers })
      // A process that is killed has no later chance to leave its code to the next one.
      if (!isLoaded) flushCompileCache()
    }
  }
}

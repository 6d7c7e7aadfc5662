import { flushCompileCache } from 'node:module'
import { ServiceError } from '#shared/errors/service-error.ts'
import { batchRows } from '#shared/inference/batch-rows.ts'
import { childLogger } from '#shared/inference/child-logger.ts'
import { endWithParent } from '#shared/inference/end-with-parent.ts'
import { checkGoldenSample } from '#shared/inference/golden-sample.ts'
import { loadModel } from '#shared/inference/load-model.ts'
import type { Model } from '#shared/inference/model.ts'
import { portableError, revivedError } from '#shared/inference/worker-messages.ts'
import { createOnnxSession } from '#shared/runtime/onnx-session.ts'
import type { CreateSession } from '#shared/runtime/session.ts'
import type { ChunkWork } from '../scorer.ts'
import type { CallDialect } from './call-dialect.ts'
import type { ChunkRecords } from './chunk-records.ts'
import { openRecords } from './open-records.ts'
import { createPartBuffer } from './part-buffer.ts'
import { remoteObjects } from './remote-objects.ts'
import { createRunPace } from './run-pace.ts'
import { spanOf } from './run-span.ts'
import type { FromScoring, ToScoring } from './scoring-messages.ts'
import type { ScoringOrder } from './suspects.ts'

export interface ScoreProcessOptions {
  dialect: CallDialect
  createSession?: CreateSession
}

interface LoadedModel {
  readonly sha256: string
  readonly model: Model
  /** Records of one run. */
  readonly rows: number
}

interface Opened {
  readonly work: Omit<ChunkWork, 'read'>
  readonly records: ChunkRecords
}

/** The program of a process that scores chunks, one at a time, for a process scorer. */
export function runScoreProcess({
  dialect,
  createSession = createOnnxSession,
}: ScoreProcessOptions): void {
  endWithParent()
  let opened: Opened | undefined
  let loaded: LoadedModel | undefined
  let arrival: PromiseWithResolvers<Uint8Array<ArrayBuffer>> | undefined
  // What follows may be a native call that never ends, so what was said before must have left.
  const send = (message: FromScoring) =>
    new Promise<void>((resolve) => {
      if (!process.send) return resolve()
      process.send(message, undefined, {}, () => resolve())
    })
  const objects = remoteObjects(send)

  async function open(work: Opened['work']): Promise<void> {
    opened = undefined
    const { records, lines } = await openRecords({ ...work, read: objects.read }, dialect)
    opened = { work, records }
    await send({ type: 'opened', units: records.units, lines })
  }

  async function modelOf({ entry }: Opened['work']): Promise<LoadedModel> {
    const { sha256 } = entry.manifest.artifact
    if (loaded?.sha256 === sha256) return loaded
    await loaded?.model.close()
    loaded = undefined
    arrival = Promise.withResolvers()
    await send({ type: 'fetch' })
    const bytes = await arrival.promise
    const rows = batchRows(entry.manifest, bytes)
    const readArtifact = async () => bytes
    const model = await loadModel(entry, {
      readArtifact,
      createSession,
      threads: 1,
      logger: childLogger(),
    })
    await checkGoldenSample(model)
    // All code is in now. A process that is killed has no later chance to leave it to the next one.
    flushCompileCache()
    loaded = { sha256, model, rows }
    return loaded
  }

  async function score({ from, cuts, carefulUntil, condemned }: ScoringOrder): Promise<void> {
    // Silence would be waited for without end.
    if (!opened) throw new ServiceError('internal', { detail: 'No chunk is open.' })
    const { records, work } = opened
    const { model, rows } = await modelOf(work)
    const verdicts = new Map(condemned.map((verdict) => [verdict.record, verdict]))
    const part = createPartBuffer()
    const pace = createRunPace()
    for (let first = from; first < records.count; ) {
      // What is fetched when its turn comes is held run by run.
      const isSingle = first < carefulUntil || records.load !== undefined
      const span = spanOf(records, first, rows, cuts, isSingle ? 1 : pace.runs)
      const verdict = verdicts.get(first)
      if (verdict) part.add(records.condemn(verdict))
      else {
        await records.load?.(first, span.end)
        if (span.runs) await send({ type: 'running', first, end: span.end })
        const startMs = performance.now()
        for (const { start, end } of span.parts) await records.score(start, end, model, part)
        if (!isSingle) pace.took(span.parts.length, performance.now() - startMs)
      }
      first = span.end
      if (part.isDue || first <= carefulUntil) await send({ type: 'part', ...part.take(first) })
    }
    await send({ type: 'part', ...part.take(records.count) })
    opened = undefined
    await send({ type: 'scored' })
  }

  process.on('message', async (message: ToScoring) => {
    if (objects.receive(message)) return
    try {
      if (message.type === 'open') await open(message.work)
      else if (message.type === 'score') await score(message.order)
      else if (message.type === 'model') arrival?.resolve(message.bytes)
      else if (message.type === 'no-model') arrival?.reject(revivedError(message.error))
    } catch (thrown) {
      await send({ type: 'failed', error: portableError(thrown) })
    }
  })
}

import { deserialize, serialize } from 'node:v8'
import { ServiceError } from '#shared/errors/service-error.ts'
import { isGone } from './is-gone.ts'
import type { ObjectDraft } from './object-drafts.ts'
import type { ObjectStore } from './object-store.ts'
import { readAll } from './read-all.ts'
import { type DigestState, nativeDigest, resumableDigest } from './resumable-digest.ts'

/** Some bytes of the object. */
export interface Step<State> {
  /** Used before the next step is asked for: their memory may be used again then. */
  readonly blocks: readonly Uint8Array[]
  /** From where another process goes on behind them, as `v8.serialize` takes it; absent behind the last. */
  readonly state?: () => State
}

export interface StepsOptions<State> {
  readonly key: string
  /** Where it is remembered how far it has come, between one run and the next. */
  readonly progressKey: string
  readonly objects: ObjectStore
  /** The same bytes whoever asks, and wherever it goes on. */
  readonly steps: (from: State | undefined) => AsyncIterable<Step<State>>
  /** When this run must end, in epoch milliseconds; never where absent. */
  readonly until?: number | undefined
  readonly now: () => number
}

export type StepsOutcome =
  | { readonly kind: 'written'; readonly sizeBytes: number; readonly sha256: string }
  /** Somebody has written it before. */
  | { readonly kind: 'exists' }
  /** The next run goes on from here. */
  | { readonly kind: 'unfinished' }

/** Of this shape; another version of the service begins anew. */
const shape = 1 as const

interface Progress<State> {
  readonly shape: typeof shape
  readonly draft: ObjectDraft | undefined
  readonly pieces: number
  /** What does not fill a piece yet. */
  readonly rest: Uint8Array
  readonly sizeBytes: number
  readonly digest: DigestState
  readonly state: State | undefined
  /** Of all bytes, once they are all there. */
  readonly sha256?: string
}

/**
 * Writes an object, create-only, of any length in runs of any length: each does one step at least.
 * Where runs end, the digest is one that can be put down.
 */
export async function writeInSteps<State>({
  key,
  progressKey,
  objects,
  steps,
  until,
  now,
}: StepsOptions<State>): Promise<StepsOutcome> {
  const known = await readProgress<State>(progressKey, objects)
  let { draft, pieces, sizeBytes } = known ?? { draft: undefined, pieces: 0, sizeBytes: 0 }
  if (known?.sha256 !== undefined) return finish(known.sha256)
  if (await objects.head(key)) return { kind: 'exists' }
  const resumable = until !== undefined || known ? resumableDigest(known?.digest) : undefined
  const digest = resumable ?? nativeDigest()
  let isRemembered = known !== undefined
  const piece = Buffer.allocUnsafeSlow(objects.pieceBytes)
  let filled = known?.rest.length ?? 0
  piece.set(known?.rest ?? [])

  /** @returns whether the draft is still there */
  async function add(bytes: Uint8Array): Promise<boolean> {
    digest.update(bytes)
    sizeBytes += bytes.length
    for (let at = 0; at < bytes.length; ) {
      const part = bytes.subarray(at, at + piece.length - filled)
      piece.set(part, filled)
      filled += part.length
      at += part.length
      if (filled === piece.length && !(await send())) return false
    }
    return true
  }
  async function send(): Promise<boolean> {
    draft ??= await objects.begin(key)
    const outcome = await objects.addPiece(draft, pieces, piece.subarray(0, filled))
    pieces += 1
    filled = 0
    return outcome === 'added'
  }
  async function save(told: Pick<Progress<State>, 'state' | 'sha256'>): Promise<void> {
    if (!resumable) return
    const rest = piece.subarray(0, filled)
    const digest = resumable.state
    const progress: Progress<State> = { shape, draft, pieces, rest, sizeBytes, digest, ...told }
    isRemembered = true
    await objects.put(progressKey, serialize(progress))
  }
  async function finish(sha256: string): Promise<StepsOutcome> {
    if (!draft) throw new ServiceError('internal')
    const { kind } = await objects.finish(draft, pieces, { ifAbsent: true })
    if (kind === 'exists') return { kind }
    const written = { kind: 'written', sizeBytes, sha256 } as const
    // Gone: whoever went on with this very draft has finished it.
    return kind === 'gone' ? ended(written) : written
  }
  /** Somebody else had it, and is done with it; or it was left for too long. */
  async function ended(outcome: StepsOutcome): Promise<StepsOutcome> {
    if (await objects.head(key)) return outcome
    await objects.remove(progressKey)
    throw new ServiceError('store_unavailable', { detail: 'What was written so far is gone.' })
  }

  try {
    for await (const { blocks, state } of steps(known?.state)) {
      for (const bytes of blocks) if (!(await add(bytes))) return await ended({ kind: 'exists' })
      if (!state || until === undefined || now() < until) continue
      await save({ state: state() })
      return { kind: 'unfinished' }
    }
    if (pieces === 0) {
      const { kind } = await objects.put(key, piece.subarray(0, filled), { ifAbsent: true })
      return kind === 'exists' ? { kind } : { kind, sizeBytes, sha256: digest.digest() }
    }
    if (filled > 0 && !(await send())) return await ended({ kind: 'exists' })
    const sha256 = digest.digest()
    await save({ state: undefined, sha256 })
    return await finish(sha256)
  } catch (thrown) {
    if (draft && !isRemembered) await objects.abandon(draft).catch(() => undefined)
    throw thrown
  }
}

async function readProgress<State>(
  key: string,
  objects: ObjectStore,
): Promise<Progress<State> | undefined> {
  const object = await objects.head(key)
  if (!object) return undefined
  const bytes = await readAll(objects.read(object)).catch((thrown) => {
    if (!isGone(thrown)) throw thrown
    // Another run has come further meanwhile; of an input or a part it would be something else.
    throw new ServiceError('store_unavailable', { cause: thrown })
  })
  try {
    const progress = deserialize(bytes) as Progress<State>
    return progress.shape === shape ? progress : undefined
  } catch {
    // Of another version of Node.
    return undefined
  }
}

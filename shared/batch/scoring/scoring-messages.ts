import type { PortableError } from '#shared/inference/worker-messages.ts'
import type { Units } from '#shared/metering/ledger.ts'
import type { ByteRange, StoredObject } from '../object-store.ts'
import type { ChunkWork } from '../scorer.ts'
import type { ScoringOrder } from './suspects.ts'

/** To a process that scores one chunk at a time. */
export type ToScoring =
  | { readonly type: 'open'; readonly work: Omit<ChunkWork, 'read'> }
  | { readonly type: 'score'; readonly order: ScoringOrder }
  /** The answer to `read`: any number of `bytes`, then one of the others. */
  | { readonly type: 'bytes'; readonly id: number; readonly bytes: Uint8Array }
  | { readonly type: 'end'; readonly id: number }
  | { readonly type: 'no-bytes'; readonly id: number; readonly error: PortableError }
  /** The answer to `fetch`. */
  | { readonly type: 'model'; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly type: 'no-model'; readonly error: PortableError }

/** From it. It has no store of its own: what it reads, it asks for. */
export type FromScoring =
  | {
      readonly type: 'read'
      readonly id: number
      readonly object: StoredObject
      readonly range: ByteRange | undefined
    }
  /** No more of it is needed. */
  | { readonly type: 'enough'; readonly id: number }
  | { readonly type: 'fetch' }
  | ({ readonly type: 'opened' } & OpenedChunk)
  /** Sent ahead of each run, so that it is known which records a process died of. */
  | ({ readonly type: 'running' } & RecordRange)
  | ({ readonly type: 'part' } & PartPiece)
  | { readonly type: 'scored' }
  /** The answer to `open` or `score` where it fails as a whole. */
  | { readonly type: 'failed'; readonly error: PortableError }

export interface OpenedChunk {
  readonly units: Units
  /** Lines of text, empty ones included. */
  readonly lines: number
}

/** Records of a chunk, by their places; `end` is excluded. */
export interface RecordRange {
  readonly first: number
  readonly end: number
}

/** Finished lines: those of all records before `next` that were not sent yet. */
export interface PartPiece {
  readonly next: number
  readonly bytes: Uint8Array
  readonly results: number
  readonly errors: number
  /** Rows of the results. */
  readonly rows: number
}

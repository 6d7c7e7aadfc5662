import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import type { Units } from '#shared/metering/ledger.ts'
import type { ScoredChunk } from './chunk.ts'
import type { RecordKind } from './job.ts'
import type { ObjectStore } from './object-store.ts'
import type { ChunkRange, PlanSource } from './plan.ts'

/**
 * Scores chunks in processes of its own, which can be killed: a record that hangs the model, eats the
 * memory or takes the process down costs one error line, and nobody else notices.
 */
export interface Scorer {
  /** Splits a chunk into records and checks them; no model runs yet. Waits for a free process. */
  open(work: ChunkWork): Promise<OpenChunk>
  /** How many chunks it works on at a time. */
  readonly size: number
  close(): Promise<void>
}

export interface ChunkWork {
  readonly entry: ModelEntry
  readonly source: PlanSource
  readonly range: ChunkRange
  /** Of the source, and of the objects that it lists. */
  readonly read: ObjectStore['read']
  readonly parameters: Readonly<Record<string, unknown>>
  readonly records: RecordKind
  readonly join: boolean
}

export interface OpenChunk {
  /** What it costs at most: every record that could be read, scored. */
  readonly units: Units
  /** Runs the model. @throws ServiceError if the model cannot run at all */
  score(): Promise<ScoredChunk>
  /** Gives the process back, scored or not. */
  close(): Promise<void>
}

import type { Model } from '#shared/inference/model.ts'
import type { Units } from '#shared/metering/ledger.ts'
import type { PartBuffer } from './part-buffer.ts'
import type { Condemned } from './suspects.ts'

/** The records of one chunk, split and checked. They are told apart by their places. */
export interface ChunkRecords {
  readonly count: number
  /** What they cost at most. */
  readonly units: Units
  /** Whether it has an input: the others are errors already. */
  mayRun(place: number): boolean
  /** Whether several share a run. */
  readonly shareRuns: boolean
  /** Fetches what they hold, where that was not read yet. @throws ServiceError `store_unavailable` */
  load?(first: number, end: number): Promise<void>
  /** Runs the records from `first` up to `end` (excluded), and adds their lines in their order. */
  score(first: number, end: number, model: Model, part: PartBuffer): Promise<void>
  /** What is told of a record that no process survives. */
  condemn(condemned: Condemned): ScoredRecord
}

export interface ScoredRecord {
  /** JSON, without the newline. */
  readonly line: string
  /** Rows that were scored; 0 of an error. */
  readonly rows: number
}

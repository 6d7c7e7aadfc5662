import type { StoredObject } from './object-store.ts'

/**
 * How an input is cut: written once, create-only, beside the job's parts. What it says follows from
 * the input and the order alone, never from who plans.
 */
export interface Plan {
  readonly jobId: string
  /** What chunks are read from: the input, or what it was unpacked into. */
  readonly source: PlanSource
  readonly chunks: readonly ChunkRange[]
  /** Where all were looked at before: how many there are, and how many each chunk has. */
  readonly records?: number | undefined
  readonly counts?: readonly number[] | undefined
}

export type PlanSource =
  | { readonly format: 'jsonl'; readonly object: StoredObject }
  | {
      readonly format: 'csv'
      readonly object: StoredObject
      readonly separator: string
      readonly columns: readonly string[]
      /** What begins before it is the row of column names; 0 where there is none. */
      readonly dataStart: number
    }
  | { readonly format: 'parquet'; readonly object: StoredObject }
  /** `object` is a list, `{key, version, sizeBytes, modifiedAt}` a line: one record each. */
  | { readonly format: 'objects'; readonly object: StoredObject }

/** What one chunk owns: bytes of lines, rows of Parquet, bytes of a list. `end` is excluded. */
export interface ChunkRange {
  readonly start: number
  readonly end: number
  /** CSV: `start` lies inside quotes. */
  readonly quoted?: boolean
}

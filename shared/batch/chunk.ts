import type { Units } from '#shared/metering/ledger.ts'

/** What became of one chunk: the stored answer of its request in the ledger, next to its charge. */
export interface ChunkReport {
  readonly chunk: number
  /** Records, in order: each is a result or an error. */
  readonly results: number
  readonly errors: number
  /** Its input was gone: the one error stands for all of its bytes. */
  readonly unread?: boolean
  /** Lines of text, empty ones included, so that later chunks know their line numbers. */
  readonly lines: number
  readonly bytes: number
  /** Parts are the same bytes on one class of CPU: vector instructions differ in rounding. */
  readonly cpuClass: string
  readonly part: { readonly key: string; readonly sizeBytes: number; readonly sha256: string }
  /** Micros, as digits: JSON has no big integers. */
  readonly charge: string
}

/**
 * One record of a chunk, as its reader found it. A record that cannot be read has an `error` and
 * never reaches a model.
 */
export interface InputRecord {
  /** Where it begins: byte of the text (unpacked), row of Parquet, place in the list. */
  readonly offset: number
  /** Lines of the chunk before it. */
  readonly line: number
  readonly value: unknown
  /** Of an object in a list: which one. */
  readonly key?: string
  readonly error?: RecordError
}

/** Records of a chunk that follow each other, as many as were read at once. */
export interface RecordBatch {
  readonly records: readonly InputRecord[]
  /** Lines of the chunk up to here, empty ones included; of the last batch: all of them. */
  readonly lines: number
}

export interface RecordError {
  /** A row of the table of error codes. */
  readonly code: string
  readonly detail: string
}

/**
 * One line of a part, for each record of the chunk in order: a result or an error. Record numbers,
 * and the lines of the chunks before, are added when the parts are put together.
 */
export type PartLine =
  | {
      readonly id?: unknown
      readonly input?: unknown
      readonly outputs: unknown
    }
  | {
      readonly error: RecordError
      readonly id?: unknown
      readonly input?: unknown
      readonly offset: number
      /** Of records that nobody could count: the byte behind them. */
      readonly end?: number
      readonly line: number
    }
  /** Of calls: what the client's dialect answers, with its status. */
  | {
      readonly custom_id: string
      readonly response: { readonly status_code: number; readonly body: unknown }
    }

/** What scoring a chunk gave. */
export interface ScoredChunk {
  /** Part lines, UTF-8, `\n` after each. */
  readonly part: Uint8Array
  readonly results: number
  readonly errors: number
  readonly unread?: boolean
  readonly lines: number
  /** Of the results only: what is charged. */
  readonly units: Units
}

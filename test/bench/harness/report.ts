import type { Statistics } from './statistics.ts'

/** One line of the table. */
export interface Row {
  readonly what: string
  readonly unit:
    | 'ms'
    | 's'
    | 'µs'
    | 'MB'
    | 'KB'
    | '×'
    | '%'
    | 'calls/s'
    | 'rows/s'
    | 'units'
    | 'tokens/s'
  readonly value: number | Statistics
  /** What it should be at most, or at least. */
  readonly atMost?: number
  readonly atLeast?: number
}

/** What one measurement found. */
export interface Report {
  readonly title: string
  readonly rows: readonly Row[]
  readonly notes?: readonly string[]
}

export interface MeasureOptions {
  /** Rounds of interleaved samples. */
  readonly samples: number
}

export type Measure = (options: MeasureOptions) => Promise<Report>

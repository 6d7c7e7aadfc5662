import type { PartLine } from './chunk.ts'
import type { Plan } from './plan.ts'
import { rangeOf } from './read-plan.ts'
import { errorOf, partOf } from './scoring/part-line.ts'

/** What can be told of a chunk whose input is gone. */
export interface GoneChunk {
  readonly part: Uint8Array
  readonly records: number
  readonly lines: number
  /** How many records it had is unknown: one error stands for all of its bytes. */
  readonly unread: boolean
}

/**
 * Of each record an error, where it is known how many there were: rows of Parquet, and files that were
 * looked through when they were planned. Else one that names the bytes from `offset` to `end`.
 */
export function goneChunk(plan: Plan, chunk: number): GoneChunk {
  const { start, end } = rangeOf(plan, chunk)
  const error = errorOf('object_gone')
  const isRows = plan.source.format === 'parquet'
  const records = isRows ? end - start : plan.counts?.[chunk]
  if (records === undefined) {
    const line = { error, offset: start, end, line: 0 }
    return { part: partOf([line]), records: 1, lines: 0, unread: true }
  }
  const told = Array.from(
    { length: records },
    (_, row): PartLine =>
      isRows ? { error, offset: start + row, line: row } : { error, offset: start, line: 0 },
  )
  return { part: partOf(told), records, lines: isRows ? records : 0, unread: false }
}

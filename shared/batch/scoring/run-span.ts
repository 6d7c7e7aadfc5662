import type { ChunkRecords } from './chunk-records.ts'
import type { ScoringOrder } from './suspects.ts'

/** How many records that are errors already pass with one run. */
const longestPart = 1_024

/** Records that are announced together, and of which each part is one run. */
export interface RunSpan {
  readonly end: number
  /** Whether any record in it has an input. */
  readonly runs: boolean
  readonly parts: readonly { readonly start: number; readonly end: number }[]
}

/**
 * The span of at most `most` runs that begins with the record `first`. A run has as many records as the
 * model takes, errors not counted; no span passes a cut.
 */
export function spanOf(
  { count, shareRuns, mayRun }: Pick<ChunkRecords, 'count' | 'shareRuns' | 'mayRun'>,
  first: number,
  rows: number,
  cuts: ScoringOrder['cuts'],
  most: number,
): RunSpan {
  const limit = cuts.find((place) => place > first) ?? count
  const rowsOfRun = shareRuns ? rows : 1
  const parts: { start: number; end: number }[] = []
  let runs = false
  let end = first
  while (parts.length < most && end < limit) {
    const start = end
    const last = Math.min(limit, start + longestPart)
    let inputs = 0
    for (; end < last; end += 1) {
      if (!mayRun(end)) continue
      if (inputs === rowsOfRun) break
      inputs += 1
    }
    runs ||= inputs > 0
    parts.push({ start, end })
  }
  return { end, runs, parts }
}

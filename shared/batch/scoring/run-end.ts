import type { ChunkRecords } from './chunk-records.ts'
import type { ScoringOrder } from './suspects.ts'

/** How many records that are errors already pass with one run. */
const longestSpan = 1_024

/**
 * Where the run that begins with the record `first` ends: as many records as a run takes, errors not
 * counted, and never over a cut.
 * @returns `runs`: whether any record in it has an input
 */
export function runEnd(
  { count, shareRuns, mayRun }: ChunkRecords,
  first: number,
  rows: number,
  cuts: ScoringOrder['cuts'],
): { end: number; runs: boolean } {
  const cut = cuts.find((place) => place > first) ?? count
  const last = Math.min(cut, count, first + longestSpan)
  const most = shareRuns ? rows : 1
  let inputs = 0
  let end = first
  for (; end < last; end += 1) {
    if (!mayRun(end)) continue
    if (inputs === most) break
    inputs += 1
  }
  return { end, runs: inputs > 0 }
}

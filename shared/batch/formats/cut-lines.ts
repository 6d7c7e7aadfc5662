import type { ChunkRange } from '../plan.ts'

/**
 * Ranges of one size, the last one smaller; none of an empty file. The first ones may be shorter: each
 * is then twice as long as the one before. The cuts need no care: readers find the records.
 */
export function cutLines(
  sizeBytes: number,
  chunkBytes: number,
  firstBytes = chunkBytes,
): ChunkRange[] {
  const ranges: ChunkRange[] = []
  let length = Math.min(firstBytes, chunkBytes)
  for (let start = 0; start < sizeBytes; ) {
    const end = Math.min(start + length, sizeBytes)
    ranges.push({ start, end })
    start = end
    length = Math.min(length * 2, chunkBytes)
  }
  return ranges
}

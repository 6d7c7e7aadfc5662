import type { ChunkRange } from '../plan.ts'

/**
 * Ranges of one size, the last one smaller; none of an empty file. With `firstBytes` the first ones are
 * shorter, each twice as long as the one before, and so are the last ones, each half of what is left:
 * a result comes soon, and all who score end together. The cuts need no care: readers find the records.
 */
export function cutLines(
  sizeBytes: number,
  chunkBytes: number,
  firstBytes = chunkBytes,
): ChunkRange[] {
  const ranges: ChunkRange[] = []
  const shortest = Math.min(firstBytes, chunkBytes)
  let length = shortest
  for (let start = 0; start < sizeBytes; ) {
    const end = Math.min(start + length, sizeBytes)
    ranges.push({ start, end })
    start = end
    const half = Math.ceil((sizeBytes - start) / 2)
    length = Math.min(length * 2, chunkBytes, Math.max(shortest, half))
  }
  return ranges
}

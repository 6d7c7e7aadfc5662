import type { ChunkRange } from '../plan.ts'

/** Ranges of equal size, the last one smaller; none of an empty file. The cuts need no care: readers find the records. */
export function cutLines(sizeBytes: number, chunkBytes: number): ChunkRange[] {
  return Array.from({ length: Math.ceil(sizeBytes / chunkBytes) }, (_, index) => ({
    start: index * chunkBytes,
    end: Math.min((index + 1) * chunkBytes, sizeBytes),
  }))
}

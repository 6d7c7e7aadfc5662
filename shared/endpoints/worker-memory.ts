import { totalmem } from 'node:os'

/** What all workers together may take of the machine's memory, or of the container's. */
const memoryShare = 0.75
/** One worker needs so much, however many there are. */
const leastBytes = 1_000_000_000

/** How many bytes each of so many workers may hold. */
export function workerMemoryBytes(workers: number): number {
  // 0 where nothing constrains the process, or nobody knows.
  const memoryBytes = Math.min(process.constrainedMemory() || totalmem(), totalmem())
  return Math.max((memoryBytes * memoryShare) / workers, leastBytes)
}

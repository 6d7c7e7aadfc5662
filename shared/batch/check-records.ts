import { checkCalls } from './check-calls.ts'
import { checkIds } from './check-ids.ts'
import type { JobOrder } from './job.ts'
import type { ObjectStore } from './object-store.ts'
import type { ChunkRange, PlanSource } from './plan.ts'

/**
 * Looks at all records of an input of which something must hold together, before any is scored:
 * calls of a batch, and lines that carry a `custom_id`.
 * @returns how many records each chunk has; `undefined` where nobody had to look
 * @throws LinesInvalid with the lines that are wrong
 */
export async function checkRecords(
  order: JobOrder,
  source: PlanSource,
  chunks: readonly ChunkRange[],
  objects: ObjectStore,
): Promise<readonly number[] | undefined> {
  const counts = chunks.map(() => 0)
  let chunk = 0
  const onRecord = (offset: number) => {
    while (offset >= (chunks[chunk]?.end ?? Number.POSITIVE_INFINITY)) chunk += 1
    counts[chunk] = (counts[chunk] ?? 0) + 1
  }
  if (order.records.kind === 'call') await checkCalls(order, source, objects, onRecord)
  else if (!(await checkIds(source, objects, onRecord))) return undefined
  return counts
}

import type { PartLine } from './chunk.ts'
import { readRecords } from './formats/read-records.ts'
import { goneChunk } from './gone-chunk.ts'
import { isGone } from './is-gone.ts'
import type { ObjectStore } from './object-store.ts'
import type { UnscoredChunk } from './read-parts.ts'
import { rangeOf, readPlan } from './read-plan.ts'
import { errorOf, partOf } from './scoring/part-line.ts'

/**
 * The part of a chunk whose time was over before it was scored: of each call an error that says so,
 * as clients of the OpenAI Batch API expect it. Memory is O(chunk).
 */
export async function expiredCalls(
  jobId: string,
  chunk: number,
  objects: ObjectStore,
): Promise<UnscoredChunk> {
  const plan = await readPlan(jobId, objects)
  const { source } = plan
  const range = rangeOf(plan, chunk)
  const told: PartLine[] = []
  let lines = 0
  try {
    for await (const batch of readRecords(source, range, objects.read)) {
      for (const { value, offset, line } of batch.records) {
        // Planning has looked at every line: each is a call.
        const { custom_id: id } = value as { custom_id?: unknown }
        told.push({ error: errorOf('batch_expired'), id, offset, line })
      }
      lines = batch.lines
    }
  } catch (thrown) {
    if (!isGone(thrown)) throw thrown
    // As it would have been if it had been scored now.
    return goneChunk(plan, chunk)
  }
  return { records: told.length, lines, part: partOf(told) }
}

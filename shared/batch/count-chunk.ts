import { countRange } from './formats/count-records.ts'
import { goneChunk } from './gone-chunk.ts'
import { isGone } from './is-gone.ts'
import type { ObjectStore } from './object-store.ts'
import type { UnscoredChunk } from './read-parts.ts'
import { rangeOf, readPlan } from './read-plan.ts'

/** What a chunk holds that was not scored: those behind it keep the numbers that they have. */
export async function countChunk(
  jobId: string,
  chunk: number,
  objects: ObjectStore,
): Promise<UnscoredChunk> {
  const plan = await readPlan(jobId, objects)
  const { source } = plan
  const range = rangeOf(plan, chunk)
  try {
    return await countRange(source, range, objects.read)
  } catch (thrown) {
    if (!isGone(thrown)) throw thrown
    // As many as it would have been if it had been scored now.
    const { records, lines } = goneChunk(plan, chunk)
    return { records, lines }
  }
}

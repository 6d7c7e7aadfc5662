import type { ScoredChunk } from '#shared/batch/chunk.ts'
import type { Scorer } from '#shared/batch/scorer.ts'

/** A scorer whose every run of a chunk goes through `around`; opening it does not. */
export const aroundScore = (
  scorer: Scorer,
  around: (score: () => Promise<ScoredChunk>) => Promise<ScoredChunk>,
): Scorer => ({
  ...scorer,
  async open(work) {
    const chunk = await scorer.open(work)
    return { ...chunk, score: () => around(() => chunk.score()) }
  },
})

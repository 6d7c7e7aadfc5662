import { expect, test } from 'vitest'
import type { ChunkWork, OpenChunk, Scorer } from '#shared/batch/scorer.ts'
import { endScoringAt } from '#shared/endpoints/end-scoring-at.ts'
import { refusal } from '#test/support/refusal.ts'

const scored = { part: new Uint8Array(), results: 1, errors: 0, lines: 1, units: {} }
const forever = new Promise<never>(() => {})

function scorerOf({ open = Promise.resolve(), score = Promise.resolve(scored) } = {}) {
  const closed: string[] = []
  const chunk: OpenChunk = {
    units: {},
    score: () => score,
    close: async () => void closed.push('chunk'),
  }
  const scorer: Scorer = { size: 1, open: () => open.then(() => chunk), close: async () => {} }
  return { scorer, closed }
}
const work = {} as ChunkWork

test('leaves alone what is finished in time', async () => {
  const { scorer, closed } = scorerOf()
  const chunk = await endScoringAt(Date.now() + 60_000, scorer).open(work)
  expect(await chunk.score()).toBe(scored)
  await chunk.close()
  expect(closed).toEqual(['chunk'])
})

test('gives up a chunk that is still being scored, so that who asked for it can release it', async () => {
  const { scorer } = scorerOf({ score: forever })
  const chunk = await endScoringAt(Date.now() + 20, scorer).open(work)
  await expect(chunk.score()).rejects.toEqual(refusal('chunk_timed_out'))
})

test('gives back a process that was ready too late', async () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const { scorer, closed } = scorerOf({ open: promise })
  const opening = endScoringAt(Date.now(), scorer).open(work)
  await expect(opening).rejects.toEqual(refusal('chunk_timed_out'))
  expect(closed).toEqual([])
  resolve()
  await expect.poll(() => closed).toEqual(['chunk'])
})

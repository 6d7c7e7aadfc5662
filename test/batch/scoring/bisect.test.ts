import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bisect } from '#shared/batch/scoring/bisect.ts'

/** Runs 0 to `count` - 1, of which some are poison, and counts. */
async function bisectCounting(count: number, poison: ReadonlySet<number>) {
  let runs = 0
  const items = Array.from({ length: count }, (_, at) => at)
  const results = await bisect(
    items,
    async (some) => {
      runs += 1
      if (some.some((item) => poison.has(item))) throw new Error(some.join())
      return some.map((item) => `${item}`)
    },
    (item, thrown) => `${item} fails: ${(thrown as Error).message}`,
  )
  return { runs, results }
}

const expected = (count: number, poison: ReadonlySet<number>) =>
  Array.from({ length: count }, (_, at) => (poison.has(at) ? `${at} fails: ${at}` : `${at}`))

describe.each([1, 2, 3, 8, 13, 64])('among %i', (count) => {
  test('one poisoned item fails alone, at every place, for 2 · log2(n) extra runs', async () => {
    for (let place = 0; place < count; place += 1) {
      const { runs, results } = await bisectCounting(count, new Set([place]))
      expect(results).toStrictEqual(expected(count, new Set([place])))
      expect(runs - 1).toBeLessThanOrEqual(2 * Math.ceil(Math.log2(count)))
    }
  })
})

test('any number of poisoned items fail, each for its own reason, and no other does', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 40 }),
      fc.uniqueArray(fc.integer({ min: 0, max: 39 })),
      async (count, places) => {
        const poison = new Set(places.filter((place) => place < count))
        const { runs, results } = await bisectCounting(count, poison)
        expect(results).toStrictEqual(expected(count, poison))
        expect(runs).toBeLessThanOrEqual(Math.max(1, 2 * count - 1))
      },
    ),
  )
})

test('nothing is run for nothing', async () => {
  expect(await bisectCounting(0, new Set())).toStrictEqual({ runs: 0, results: [] })
})

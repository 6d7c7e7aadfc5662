import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ChunkRecords } from '#shared/batch/scoring/chunk-records.ts'
import { spanOf } from '#shared/batch/scoring/run-span.ts'
import { createSuspects } from '#shared/batch/scoring/suspects.ts'

/**
 * Processes that die of poison: how many it takes, and which records are condemned.
 * @param most runs that are announced together
 */
function survive(count: number, rows: number, poison: ReadonlySet<number>, most = 1) {
  const records = { count, shareRuns: true, mayRun: () => true } as unknown as ChunkRecords
  const suspects = createSuspects()
  const scored: number[] = []
  const condemned: number[] = []
  let next = 0
  let deaths = 0
  let runs = 0
  process: for (;;) {
    const order = suspects.order(next)
    for (let first = order.from; first < count; ) {
      const runsOfSpan = first < order.carefulUntil ? 1 : most
      const { end } = spanOf(records, first, rows, order.cuts, runsOfSpan)
      const range = Array.from({ length: end - first }, (_, at) => first + at)
      if (order.condemned.some(({ record }) => record === first)) condemned.push(first)
      else {
        runs += 1
        if (range.some((place) => poison.has(place))) {
          suspects.died({ first, end }, 'crashed')
          deaths += 1
          continue process
        }
        scored.push(...range)
      }
      next = end
      first = end
    }
    return { scored, condemned, deaths, runs }
  }
}

test('every poisoned record is condemned, every other is scored, each once and in order', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 60 }),
      fc.integer({ min: 1, max: 20 }),
      fc.uniqueArray(fc.integer({ min: 0, max: 59 }), { maxLength: 6 }),
      fc.integer({ min: 1, max: 9 }),
      (count, rows, places, most) => {
        const poison = new Set(places.filter((place) => place < count))
        const { scored, condemned } = survive(count, rows, poison, most)
        const all = Array.from({ length: count }, (_, at) => at)
        expect(condemned).toStrictEqual(all.filter((place) => poison.has(place)))
        expect(scored).toStrictEqual(all.filter((place) => !poison.has(place)))
      },
    ),
  )
})

test('one poisoned record costs 2 · log2(n) extra runs at most, at every place', () => {
  for (const rows of [2, 8, 64]) {
    const clean = survive(64, rows, new Set()).runs
    for (let place = 0; place < 64; place += 1) {
      const { runs, deaths } = survive(64, rows, new Set([place]))
      expect(runs - clean).toBeLessThanOrEqual(2 * Math.log2(rows))
      expect(deaths).toBe(Math.log2(rows) + 1)
    }
  }
})

test('a record that runs alone is not condemned for the first process that dies', () => {
  const suspects = createSuspects()
  suspects.died({ first: 4, end: 5 }, 'crashed')
  expect(suspects.order(4).condemned).toStrictEqual([])
  suspects.died({ first: 4, end: 5 }, 'timed-out')
  expect(suspects.order(4).condemned).toStrictEqual([{ record: 4, code: 'record_timed_out' }])
})

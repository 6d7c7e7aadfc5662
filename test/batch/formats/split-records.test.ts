import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { splitRecords } from '#shared/batch/formats/split-records.ts'
import { plantSplitterBug } from './plant-splitter-bug.ts'
import { type SplitCase, splitFaults } from './split-faults.ts'
import { splitterBugs } from './splitter-bugs.ts'
import { trickyBytes } from './tricky-bytes.ts'

const splitCase = (): fc.Arbitrary<SplitCase> =>
  fc
    .record({
      bytes: trickyBytes,
      quotes: fc.boolean(),
      blockBytes: fc.integer({ min: 1, max: 40 }),
      recordBytes: fc.constantFrom(3, 7, 1_000_000),
      places: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 6 }),
    })
    .map(({ places, ...one }) => ({
      ...one,
      cuts: places.map((place) => Math.floor(place * one.bytes.length)),
    }))

/** The first case that a splitter gets wrong, among so many. */
async function firstFault(split: typeof splitRecords, numRuns: number) {
  const property = fc.asyncProperty(splitCase(), async (one) => {
    return (await splitFaults(split, one)).length === 0
  })
  return await fc.check(property, { numRuns, seed: 7, endOnFailure: true })
}

describe('splitting into records', () => {
  it('finds with any cuts what one sequential reader finds', async () => {
    const { counterexample } = await firstFault(splitRecords, 3_000)
    expect(counterexample).toBeNull()
  })

  it('finds the same when a small file is cut at every byte', { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(trickyBytes, fc.boolean(), async (bytes, quotes) => {
        const one = { bytes, quotes, blockBytes: 5, recordBytes: 7 }
        const everywhere = [...bytes.keys()]
        for (const cuts of [...everywhere.map((place) => [place]), everywhere]) {
          expect(await splitFaults(splitRecords, { ...one, cuts })).toEqual([])
        }
      }),
      { numRuns: 150, seed: 11 },
    )
  })

  it.each(splitterBugs)('would be found out: $name', async (bug) => {
    const { failed } = await firstFault(await plantSplitterBug(bug), 3_000)
    expect(failed).toBe(true)
  })
})

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createRunPace } from '#shared/batch/scoring/run-pace.ts'
import { spanOf } from '#shared/batch/scoring/run-span.ts'

const place = fc.integer({ min: 0, max: 40 })

test('a span is whole runs one after the other, none over a cut, none with too many inputs', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 9 }),
      fc.uniqueArray(place),
      fc.array(place),
      fc.integer({ min: 1, max: 5 }),
      (count, rows, unreadable, cuts, most) => {
        const mayRun = (at: number) => !unreadable.includes(at)
        const sorted = cuts.toSorted((one, other) => one - other)
        for (let first = 0; first < count; ) {
          const records = { count, shareRuns: true, mayRun }
          const { end, runs, parts } = spanOf(records, first, rows, sorted, most)
          expect(parts.length).toBeLessThanOrEqual(most)
          expect(parts.flatMap((part) => [part.start, part.end])).toEqual([
            first,
            ...parts.slice(1).flatMap(({ start }) => [start, start]),
            end,
          ])
          for (const part of parts) {
            const places = Array.from({ length: part.end - part.start }, (_, at) => part.start + at)
            expect(places.filter(mayRun).length).toBeLessThanOrEqual(rows)
          }
          expect(sorted.filter((cut) => cut > first && cut < end)).toEqual([])
          expect(runs).toBe(unreadable.filter((at) => at >= first && at < end).length < end - first)
          expect(end).toBeGreaterThan(first)
          first = end
        }
      },
    ),
  )
})

test('runs are announced one by one at first, then some at a time, a tenth of a second at most', () => {
  const pace = createRunPace()
  expect(pace.runs).toBe(1)
  pace.took(1, 0.1)
  expect(pace.runs).toBe(1)
  pace.took(39, 3.9)
  expect(pace.runs).toBe(10)
  pace.took(1_000, 100)
  expect(pace.runs).toBe(260)
  pace.took(1, 100_000)
  expect(pace.runs).toBe(1)
})

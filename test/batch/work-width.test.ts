import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { createWorkWidth, type WorkBegun, type WorkWidth } from '#shared/batch/work-width.ts'

/** Ends so many pieces of work, as a machine does it that is as fast as `rateAt` says. */
function workOff(
  width: WorkWidth,
  pieces: number,
  rateAt: (running: number) => number,
  refuse: (running: number) => 'throttled' | 'held' | undefined = () => undefined,
) {
  let at = 0
  let worked = 0
  const widths: number[] = []
  let begun: WorkBegun[] = []
  for (let done = 0; done < pieces; done += 1) {
    while (begun.length < width.value) begun.push(width.begin())
    const running = begun.length
    const [first = 0] = begun
    begun = begun.slice(1)
    const pressure = refuse(running)
    at += 1_000 / rateAt(running)
    if (!pressure) worked += 10
    width.end(first, { at, worked, pressure })
    widths.push(width.value)
  }
  return widths
}

test('grows by one while it becomes faster, to where it does not, and stays about there', () => {
  const width = createWorkWidth({ start: 1, most: 50 })
  const widths = workOff(width, 2_000, (running) => Math.min(running, 8))
  expect(widths.slice(1).every((value, at) => value - (widths[at] ?? 0) <= 1)).toBe(true)
  const settled = widths.slice(500)
  expect(Math.min(...settled)).toBeGreaterThanOrEqual(7)
  expect(Math.max(...settled)).toBeLessThanOrEqual(9)
})

test('tries one more now and then, since what is behind may have become faster', () => {
  const width = createWorkWidth({ start: 2, most: 50 })
  workOff(width, 500, (running) => Math.min(running, 3))
  expect(width.value).toBeLessThanOrEqual(4)
  workOff(width, 3_000, (running) => Math.min(running, 12))
  expect(width.value).toBeGreaterThanOrEqual(11)
})

test('halves where a store says that it is too much, once for all that ran then', () => {
  const width = createWorkWidth({ start: 16, most: 50 })
  const begun = Array.from({ length: 16 }, () => width.begin())
  for (const one of begun) width.end(one, { at: 1, worked: 0, pressure: 'throttled' })
  expect(width.value).toBe(8)
  width.end(width.begin(), { at: 2, worked: 0, pressure: 'throttled' })
  expect(width.value).toBe(4)
})

test('works no more at a time than money is held for', () => {
  const width = createWorkWidth({ start: 8, most: 8 })
  const widths = workOff(
    width,
    400,
    (running) => running,
    (running) => (running > 3 ? 'held' : undefined),
  )
  const tooMany = widths.slice(50).filter((value) => value > 3)
  // Tried again now and then: those that ran may have ended.
  expect(tooMany.length).toBeLessThan(60)
  expect(Math.max(...widths.slice(50))).toBeLessThanOrEqual(4)
})

test('learns nothing from times in which there was not enough to do', () => {
  const width = createWorkWidth({ start: 6, most: 9 })
  for (let at = 1; at < 500; at += 1) width.end(width.begin(), { at: at * 7, worked: at })
  expect(width.value).toBe(6)
})

test('is never below one, never above the most, and moves by one or by half', () => {
  const pressures = fc.constantFrom(undefined, undefined, undefined, 'throttled', 'held')
  const steps = fc.array(
    fc.record({ begins: fc.nat(3), pressure: pressures, ms: fc.nat(50), rows: fc.nat(100) }),
    { maxLength: 300 },
  )
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 9 }),
      steps,
      (start, most, all) => {
        const width = createWorkWidth({ start, most })
        const running: WorkBegun[] = []
        let at = 0
        let worked = 0
        for (const { begins, pressure, ms, rows } of all) {
          for (let begun = 0; begun < begins; begun += 1) running.push(width.begin())
          const first = running.shift()
          if (first === undefined) continue
          const before = width.value
          at += ms
          worked += pressure ? 0 : rows
          width.end(first, { at, worked, pressure })
          const { value } = width
          expect(value).toBeGreaterThanOrEqual(1)
          expect(value).toBeLessThanOrEqual(most)
          if (!pressure) expect(Math.abs(value - before)).toBeLessThanOrEqual(1)
          else expect(value).toBeLessThanOrEqual(before)
          if (pressure === 'throttled') {
            expect([before, Math.max(1, Math.floor(before / 2))]).toContain(value)
          }
          if (pressure === 'held') expect(value).toBeLessThanOrEqual(Math.max(1, running.length))
        }
      },
    ),
  )
})

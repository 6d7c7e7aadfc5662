import { expect, test } from 'vitest'
import { type Mishap, simulate } from './simulate.ts'

const timeout = 120_000
/** Scenarios of up to five clients, each with up to four tries that overlap. */
const seeds = Array.from({ length: 15 }, (_, index) => 1_000 + index)

/** The same scenario again and again, each time with the mishap one step later. */
async function everywhere(kind: Mishap['kind'], steps: 'awaits' | 'calls') {
  const violations: string[] = []
  let runs = 0
  for (const seed of seeds) {
    let last = 1
    for (let at = 1; at <= last; at += 1) {
      const outcome = await simulate(seed, { mishap: { kind, at } })
      // What happens may make the rest longer.
      last = Math.max(last, outcome[steps])
      runs += 1
      for (const { rule, detail } of outcome.violations) {
        violations.push(`seed ${seed}, ${kind} at ${at}: ${rule}, ${detail}`)
      }
    }
  }
  return { runs, violations }
}

test('survives a death at every single await', { timeout }, async () => {
  const { runs, violations } = await everywhere('death', 'awaits')
  expect(violations).toEqual([])
  expect(runs).toBeGreaterThan(500)
})

test('survives the loss of every single request to the store', { timeout }, async () => {
  const { runs, violations } = await everywhere('lost request', 'calls')
  expect(violations).toEqual([])
  expect(runs).toBeGreaterThan(200)
})

test('survives the loss of every single reply of the store', { timeout }, async () => {
  const { runs, violations } = await everywhere('lost reply', 'calls')
  expect(violations).toEqual([])
  expect(runs).toBeGreaterThan(200)
})

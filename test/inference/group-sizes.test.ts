import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createGroupSizes } from '#shared/inference/group-sizes.ts'

/** What a run of so many calls costs, in calls alone: by class of size 1, 2, 3-4, 5-8, 9-16. */
const curve = fc.array(fc.double({ min: 0.1, max: 4, noNaN: true }), {
  minLength: 4,
  maxLength: 4,
})

interface Load {
  /** Cost a call of each class but the first, whose is 1. */
  readonly each: readonly number[]
  /** How far a time may be off, in both directions. */
  readonly noise: number
  readonly seed: number
}
const load: fc.Arbitrary<Load> = fc.record({
  each: curve,
  noise: fc.double({ min: 0, max: 0.3, noNaN: true }),
  seed: fc.nat(),
})

/** Takes calls as the sizes choose, and compares the cost of calls alone with theirs. */
function play({ each, noise, seed }: Load, waiting: (turn: number) => number, learning = 0) {
  const sizes = createGroupSizes(16)
  let state = seed + 1
  const random = () => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
  let cost = 0
  let calls = 0
  for (let turn = 0; turn < 3_000; turn += 1) {
    const count = sizes.choose(waiting(turn))
    if (count < 1 || count > Math.min(waiting(turn), 16)) throw new Error(`It takes ${count}.`)
    const spent = count * (count === 1 ? 1 : (each[Math.ceil(Math.log2(count)) - 1] ?? 1))
    if (turn >= learning) {
      cost += spent
      calls += count
    }
    sizes.learn(count, spent * (1 + noise * (2 * random() - 1)))
  }
  return calls / cost
}

test('never loses 2 % to calls alone, whatever sharing costs', () => {
  fc.assert(
    fc.property(load, fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (one, queue) => {
      const waiting = (turn: number) => queue[turn % queue.length] ?? 1
      expect(play(one, waiting)).toBeGreaterThan(0.98)
    }),
    { numRuns: 200 },
  )
})

/** Part of a run costs the same whatever its size; past its knee a model's rows cost more again. */
const likely = fc
  .record({
    fixed: fc.double({ min: 0, max: 0.9, noNaN: true }),
    knee: fc.integer({ min: 0, max: 4 }),
    more: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  .map(({ fixed, knee, more }) =>
    [1, 2, 3, 4].map((at) => fixed / 2 ** at + (1 - fixed) * (1 + (at > knee ? more : 0))),
  )

test('gains nearly what the best class gains, once it has learned', () => {
  fc.assert(
    fc.property(
      likely,
      fc.double({ min: 0, max: 0.1, noNaN: true }),
      fc.nat(),
      (each, noise, seed) => {
        const best = 1 / Math.min(1, ...each)
        expect(play({ each, noise, seed }, () => 40, 1_500)).toBeGreaterThan(best * 0.9)
      },
    ),
    { numRuns: 200 },
  )
})

test('finds out that sharing has begun to pay, and that it has ceased to', () => {
  const sizes = createGroupSizes(8)
  const run = (turns: number, eachMs: (count: number) => number) => {
    let joint = 0
    for (let turn = 0; turn < turns; turn += 1) {
      const count = sizes.choose(8)
      if (count > 1) joint += 1
      sizes.learn(count, count * eachMs(count))
    }
    return joint / turns
  }
  const pays = (count: number) => 1 / count
  const doesNot = (count: number) => (count > 1 ? 1.3 : 1)
  expect(run(500, doesNot)).toBeLessThan(0.05)
  run(2_000, pays)
  expect(run(500, pays)).toBeGreaterThan(0.9)
  run(2_000, doesNot)
  expect(run(500, doesNot)).toBeLessThan(0.05)
})

test('takes one call until it knows what one costs, and no more than fit into the time', () => {
  const sizes = createGroupSizes(16)
  expect(sizes.choose(16)).toBe(1)
  for (let time = 0; time < 3; time += 1) sizes.learn(1, 100)
  expect(sizes.choose(16, 150)).toBe(1)
  expect(sizes.choose(16, 250)).toBe(2)
})

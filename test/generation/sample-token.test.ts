import fc from 'fast-check'
import { expect, it } from 'vitest'
import { sampleToken } from '#shared/generation/sample-token.ts'
import { seededRandom } from '#shared/generation/seeded-random.ts'

// Eighths: equal logits are frequent, and those that differ do so after rounding too.
const logits = fc
  .array(fc.integer({ min: -160, max: 160 }), { minLength: 1, maxLength: 60 })
  .map((eighths) => Float32Array.from(eighths, (eighth) => eighth / 8))
const settings = fc.record({
  temperature: fc.double({ min: 0.05, max: 3, noNaN: true }),
  topP: fc.double({ min: 0, max: 1, noNaN: true }),
})

/** Probabilities in the order of the vocabulary, the slow way. */
function softmax(values: Float32Array, temperature = 1): number[] {
  const scaled = Array.from(values, (value) => value / temperature)
  const powers = scaled.map((value) => Math.exp(value - Math.max(...scaled)))
  const total = powers.reduce((sum, power) => sum + power, 0)
  return powers.map((power) => power / total)
}

/** Tokens with their chances to be drawn: sorted whole, cut where the sum reaches topP. */
function slowNucleus(values: Float32Array, temperature: number, topP: number): [number, number][] {
  const shares = softmax(values, temperature)
  const order = shares.map((_, token) => token)
  if (topP < 1) order.sort((a, b) => (shares[b] ?? 0) - (shares[a] ?? 0) || a - b)
  const kept: [number, number][] = []
  let sum = 0
  for (const token of order) {
    if (topP < 1 && kept.length > 0 && sum >= topP) break
    sum += shares[token] ?? 0
    kept.push([token, shares[token] ?? 0])
  }
  // Drawn from in the order of the vocabulary.
  kept.sort(([a], [b]) => a - b)
  return kept.map(([token, share]) => [token, share / sum])
}

it('draws what a slow sampler over the sorted vocabulary draws', () => {
  fc.assert(
    fc.property(
      logits,
      settings,
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (values, set, at) => {
        const chances = slowNucleus(values, set.temperature, set.topP)
        let sum = 0
        const bounds = chances.map(([, share]) => (sum += share))
        // Where the draw lies on a border, rounding may choose either side.
        fc.pre(bounds.every((bound) => Math.abs(bound - at) > 1e-9))
        fc.pre(Math.abs((bounds.at(-1) ?? 0) - 1) < 1e-9)
        const wanted = chances[bounds.findIndex((bound) => bound > at)]?.[0]
        expect(sampleToken(values, { ...set, random: () => at }).token).toBe(wanted)
      },
    ),
    { numRuns: 2_000 },
  )
})

it('tells the logarithm of the probability before temperature', () => {
  fc.assert(
    fc.property(logits, settings, fc.nat(), (values, set, seed) => {
      const asked = { ...set, random: seededRandom(seed), logProbabilities: true }
      const { token, logProbability } = sampleToken(values, asked)
      expect(logProbability).toBeCloseTo(Math.log(softmax(values)[token] ?? 0), 6)
    }),
  )
})

it('takes the likeliest token at temperature 0, of equals the first, and draws no number', () => {
  const random = () => {
    throw new Error('asked for a number')
  }
  const values = Float32Array.of(-1, 3, 3, 2)
  expect(sampleToken(values, { temperature: 0, topP: 0.1, random }).token).toBe(1)
})

it('draws every token as often as its probability says', () => {
  const values = Float32Array.from([0.5, 0.3, 0.15, 0.05], Math.log)
  const random = seededRandom(7)
  const counts = [0, 0, 0, 0]
  for (let draw = 0; draw < 20_000; draw += 1) {
    const { token } = sampleToken(values, { temperature: 1, topP: 0.9, random })
    counts[token] = (counts[token] ?? 0) + 1
  }
  // 0.5 + 0.3 + 0.15 reach 0.9: the last token is never drawn, the others by their shares.
  const shares = [0.5 / 0.95, 0.3 / 0.95, 0.15 / 0.95, 0]
  for (const [token, share] of shares.entries()) {
    expect((counts[token] ?? 0) / 20_000).toBeCloseTo(share, 1.7)
  }
})

it('draws equal numbers for equal seeds, spread over [0, 1)', () => {
  const [one, same, other] = [seededRandom(5), seededRandom(5), seededRandom(6)]
  const numbers = Array.from({ length: 10_000 }, one)
  expect(Array.from({ length: 10_000 }, same)).toEqual(numbers)
  expect(other()).not.toBe(numbers[0])
  expect(numbers.every((number) => number >= 0 && number < 1)).toBe(true)
  expect(numbers.reduce((sum, number) => sum + number, 0) / 10_000).toBeCloseTo(0.5, 1.5)
})

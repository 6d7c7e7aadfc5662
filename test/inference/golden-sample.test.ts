import { expect, test } from 'vitest'
import { checkGoldenSample, largestDifference } from '#shared/inference/golden-sample.ts'
import type { Model } from '#shared/inference/model.ts'
import { refusal } from '#test/support/refusal.ts'
import { testEntry } from '#test/support/test-model.ts'

const answer = [
  [
    { label: 'setosa', score: 0.9 },
    { label: 'virginica', score: 0.1 },
  ],
]

test('is zero where two answers are the same', () => {
  expect(largestDifference(answer, structuredClone(answer))).toBe(0)
  expect(largestDifference('text', 'text')).toBe(0)
  expect(largestDifference([], [])).toBe(0)
  expect(largestDifference(null, null)).toBe(0)
})

test('is the largest distance of two numbers in the same place', () => {
  const near = structuredClone(answer)
  Object.assign(near[0]?.[1] ?? {}, { score: 0.125 })
  expect(largestDifference(near, answer)).toBeCloseTo(0.025)
  expect(largestDifference([1, 5, 3], [1, 2, 4])).toBe(3)
})

test.each([
  ['a number that is none', [{ score: Number.NaN }], [{ score: 1 }]],
  ['a number that is infinite', [Number.POSITIVE_INFINITY], [1]],
  ['infinity in both', [Number.POSITIVE_INFINITY], [Number.POSITIVE_INFINITY]],
  ['another word', [{ label: 'a' }], [{ label: 'b' }]],
  ['a number as text', ['1'], [1]],
  ['one row less', [1], [1, 2]],
  ['one row more', [1, 2, 3], [1, 2]],
  ['a member less', { a: 1 }, { a: 1, b: 2 }],
  ['a member more', { a: 1, b: 2 }, { a: 1 }],
  ['a member of another name', { a: 1 }, { b: 1 }],
  ['null for an object', null, {}],
  ['an object for null', {}, null],
  ['nothing at all', undefined, [1]],
  ['an object for a list', { 0: 1, 1: 2 }, [1, 2]],
  ['a list for an object', [], {}],
  ['another order', ['a', 'b'], ['b', 'a']],
])('has no bound for %s', (_, actual, expected) => {
  expect(largestDifference(actual, expected)).toBe(Number.POSITIVE_INFINITY)
})

function modelThatAnswers(outputs: unknown, tolerance = 0.01): Model {
  const expected = { outputs: answer, metric: 'max-absolute-difference', tolerance } as const
  const timings = { prepareMs: 0, runMs: 0, interpretMs: 0 }
  return {
    entry: testEntry({}, { expected }),
    predict: async () => ({ outputs, rows: 1, timings }),
    infer: () => Promise.reject(new Error('not part of this test')),
    close: async () => undefined,
  }
}

test('accepts an answer within the tolerance, and none beyond it', async () => {
  const off = (by: number) => [[{ label: 'setosa', score: 0.9 - by }, answer[0]?.[1]]]
  await checkGoldenSample(modelThatAnswers(off(0.009)))
  await expect(checkGoldenSample(modelThatAnswers(off(0.011)))).rejects.toEqual(
    refusal('model_not_ready', 'plain@1', 'away from'),
  )
})

test('refuses an answer of another form, also where the tolerance is missing', async () => {
  await expect(checkGoldenSample(modelThatAnswers([]))).rejects.toEqual(
    refusal('model_not_ready', 'another form'),
  )
  await expect(checkGoldenSample(modelThatAnswers(answer, Number.NaN))).rejects.toEqual(
    refusal('model_not_ready'),
  )
})

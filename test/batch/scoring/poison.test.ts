import { rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Scorer } from '#shared/batch/scorer.ts'
import type { ProcessScorerOptions } from '#shared/batch/scoring/process-scorer.ts'
import { refusal } from '#test/support/refusal.ts'
import { greedyOnnx, hangingOnnx, harmlessOnnx, poison } from './poison-models.ts'
import {
  jsonLines,
  linesOf,
  openScorer,
  scorePart,
  type TestModel,
  testModel,
  workOn,
} from './score-text.ts'

// A process takes 0.1 s of CPU to start, and here many die.
vi.setConfig({ testTimeout: 120_000 })

const scorers: Scorer[] = []
afterEach(async () => {
  for (const scorer of scorers.splice(0)) await scorer.close()
})

/** Harmless records, but for some. */
const recordsWith = (count: number, others: Readonly<Record<number, number>>) =>
  Array.from({ length: count }, (_, at) => [others[at] ?? at / 64, 0.5, 0, 0])

async function score(
  model: TestModel,
  records: readonly unknown[],
  options: Partial<ProcessScorerOptions> = {},
) {
  const { scorer, deaths } = openScorer(model, options)
  scorers.push(scorer)
  const scored = await scorePart(scorer, workOn(jsonLines(records), model.entry))
  return { scored, lines: linesOf(scored.part), deaths }
}

/** What is wrong with each record, or that it has a result. */
const outcomes = (lines: ReturnType<typeof linesOf>) =>
  lines.map((line) => ('error' in line ? line.error.code : 'scored'))

const expected = (count: number, others: Readonly<Record<number, string>>) =>
  Array.from({ length: count }, (_, at) => others[at] ?? 'scored')

describe.each([0, 13])('at place %i', (place) => {
  test('a record that hangs costs one error line', async () => {
    const records = recordsWith(20, { [place]: 9e15 })
    const { lines, scored, deaths } = await score(testModel(hangingOnnx()), records, {
      runTimeoutMs: 400,
    })
    expect(outcomes(lines)).toStrictEqual(expected(20, { [place]: 'record_timed_out' }))
    expect(scored).toMatchObject({ results: 19, errors: 1, units: { calls: 19, rows: 19 } })
    // One a level of bisection: the run, and at most log2(8) halves.
    expect(deaths.length).toBeLessThanOrEqual(4)
  })
})

test('a record that eats the memory costs one error line', async () => {
  const records = recordsWith(20, { 9: 40 })
  const { lines } = await score(testModel(greedyOnnx()), records)
  expect(outcomes(lines)).toStrictEqual(expected(20, { 9: 'record_out_of_memory' }))
})

test('records that take the process down cost one error line each', async () => {
  const records = recordsWith(40, { 3: poison.crash, 21: poison.abort, 22: poison.crash })
  const { lines } = await score(testModel(harmlessOnnx()), records)
  const crashed = 'record_crashed'
  expect(outcomes(lines)).toStrictEqual(expected(40, { 3: crashed, 21: crashed, 22: crashed }))
})

test('records that the model fails on cost one error line each, and no process', async () => {
  const records = recordsWith(40, {
    0: poison.fail,
    7: poison.fail,
    8: poison.fail,
    39: poison.fail,
  })
  const { lines, deaths } = await score(testModel(harmlessOnnx()), records)
  const failed = 'inference_failed'
  expect(outcomes(lines)).toStrictEqual(
    expected(40, { 0: failed, 7: failed, 8: failed, 39: failed }),
  )
  expect(deaths).toStrictEqual([])
})

test('an answer that is not a number is an error', async () => {
  const { lines } = await score(
    testModel(harmlessOnnx()),
    recordsWith(10, { 4: poison.notANumber }),
  )
  expect(outcomes(lines)).toStrictEqual(expected(10, { 4: 'output_not_finite' }))
})

describe('what others do to a process', () => {
  const mark = join(tmpdir(), `percall-crashed-once-${process.pid}`)
  beforeEach(() => rmSync(mark, { force: true }))
  afterEach(() => rmSync(mark, { force: true }))

  test.each([1, 8])('costs no record, also where %i share a run', async (rows) => {
    const { lines, deaths } = await score(
      testModel(harmlessOnnx(), { rows }),
      recordsWith(20, { 7: poison.crashOnce }),
    )
    expect(outcomes(lines)).toStrictEqual(expected(20, {}))
    expect(deaths).toStrictEqual(['crashed'])
  })
})

test('poison gives the same bytes however many records share a run', async () => {
  const records = recordsWith(30, { 2: poison.crash, 11: poison.fail, 12: poison.crash })
  const parts = new Set<string>()
  for (const rows of [1, 3, 64]) {
    const { scored } = await score(testModel(harmlessOnnx(), { rows }), records)
    parts.add(Buffer.from(scored.part).toString())
  }
  expect(parts.size).toBe(1)
})

describe('gives up', () => {
  test('on a model that dies of every record', async () => {
    const records = Array.from({ length: 100 }, () => [poison.crash, 0, 0, 0])
    const model = testModel(harmlessOnnx(), { rows: 1 })
    await expect(score(model, records)).rejects.toThrow(refusal('model_crashed'))
  })

  test('on a model that dies before its first record', async () => {
    const model = testModel(harmlessOnnx(), { sample: [poison.crash, 0, 0, 0] })
    await expect(score(model, recordsWith(3, {}))).rejects.toThrow(refusal('model_crashed'))
  })

  test('on a model that fails its golden sample', async () => {
    const model = testModel(harmlessOnnx())
    const expectedOtherwise = { ...model.entry.expected, outputs: [] }
    const entry = { ...model.entry, expected: expectedOtherwise }
    await expect(score({ ...model, entry }, recordsWith(3, {}))).rejects.toThrow(
      refusal('model_not_ready'),
    )
  })
})

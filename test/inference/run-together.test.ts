import { expect, test } from 'vitest'
import type { Model } from '#shared/inference/model.ts'
import { type ModelCall, runTogether } from '#shared/inference/run-together.ts'
import { refusal } from '#test/support/refusal.ts'
import { testEntry } from '#test/support/test-model.ts'
import { fate, simulatedModel } from './simulated-worker.ts'

const entry = testEntry({ name: 'arithmetic', limits: { rows: 64 } })

/** Runs calls together, and tells how many rows each run had. */
async function run(calls: readonly ModelCall[], rowsPerRun: number, changes: Partial<Model> = {}) {
  const runs: number[] = []
  const model = await simulatedModel(entry, { runMs: () => 0, onRun: (rows) => runs.push(rows) })
  const outcomes = await runTogether({ ...model, ...changes }, calls, rowsPerRun)
  return { runs, outcomes }
}
const table = (rows: number, start = 0, width = 4) =>
  Array.from({ length: rows }, (_, row) =>
    Array.from({ length: width }, (_, column) => start + row + column / 8),
  )
const plain = (inputs: unknown, parameters = {}): ModelCall => ({
  kind: 'predict',
  request: { inputs, parameters },
})
const tensors = (rows: number, width: number, outputs?: readonly string[]): ModelCall => {
  const data = Float32Array.from(table(rows, rows, width).flat())
  return {
    kind: 'infer',
    request: { inputs: { features: { datatype: 'FP32', shape: [rows, width], data } }, outputs },
  }
}

test('lets no more rows meet than may', async () => {
  const calls = [3, 3, 3, 3, 9, 1].map((rows) => plain(table(rows)))
  const { runs, outcomes } = await run(calls, 8)
  expect(runs.toSorted()).toStrictEqual([6, 7, 9])
  expect(outcomes).toMatchObject([3, 3, 3, 3, 9, 1].map((rows) => ({ value: { rows } })))
})

test('gives each call what it gets alone', async () => {
  const calls = [
    plain(table(1)[0]),
    plain(table(2, 5), { top_k: 1 }),
    plain(table(1, 9)),
    tensors(2, 4),
    tensors(3, 4, ['scores']),
    tensors(1, 3),
    tensors(2, 3),
    tensors(4, 4),
  ]
  const { runs, outcomes } = await run(calls, 16)
  expect(runs).toStrictEqual([7, 6, 3])
  for (const [at, call] of calls.entries()) {
    const [alone] = (await run([call], 16)).outcomes
    expect(withoutTimes(outcomes[at])).toStrictEqual(withoutTimes(alone))
  }
})

test('runs nobody together where one row is all that is proven', async () => {
  expect((await run([plain(table(1)), plain(table(1))], 1)).runs).toStrictEqual([1, 1])
})

test('tells each call what is wrong with it, and spares the others', async () => {
  const calls = [
    plain(table(1)),
    plain('text'),
    plain(table(1), { top: 1 }),
    plain(table(65)),
    plain(table(1)),
  ]
  const { runs, outcomes } = await run(calls, 8)
  expect(runs).toStrictEqual([2])
  expect(outcomes).toMatchObject([
    { status: 'fulfilled' },
    { reason: refusal('input_invalid') },
    { reason: refusal('parameter_invalid') },
    { reason: refusal('too_many_rows') },
    { status: 'fulfilled' },
  ])
})

test('runs each by itself where the run that they shared failed', async () => {
  const calls = [plain([1, 2, 3, 4]), plain([fate.fails, 0, 0, 0]), plain([5, 6, 7, 8])]
  const { runs, outcomes } = await run(calls, 8)
  expect(runs).toStrictEqual([3, 1, 1, 1])
  expect(outcomes.map(({ status }) => status)).toStrictEqual(['fulfilled', 'rejected', 'fulfilled'])
})

test('runs each by itself where outputs have no row for each that went in', async () => {
  const { infer } = await simulatedModel(entry, { runMs: () => 0 })
  const { outcomes } = await run([plain([1, 2, 3, 4]), plain([5, 6, 7, 8])], 8, {
    async infer(request) {
      const { outputs, timings } = await infer(request)
      const scores = { ...outputs.scores, shape: [1, 4] } as const
      return { outputs: { scores: scores as never }, timings }
    },
  })
  expect(outcomes.map(({ status }) => status)).toStrictEqual(['fulfilled', 'fulfilled'])
})

function withoutTimes(outcome: PromiseSettledResult<{ timings: object }> | undefined) {
  if (outcome?.status !== 'fulfilled') return outcome
  const { timings: _, ...value } = outcome.value
  return value
}

import { expect, onTestFinished, test, vi } from 'vitest'
import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { parseManifest } from '#shared/catalog/parse-manifest.ts'
import { readModels } from '#shared/catalog/read-models.ts'
import { inlineRunner } from '#shared/inference/inline-runner.ts'
import { type ProcessRunnerOptions, processRunner } from '#shared/inference/process-runner.ts'
import { processUsage } from '#shared/inference/process-usage.ts'
import type { Tensor } from '#shared/runtime/tensor.ts'
import { greedyOnnx, hangingOnnx, harmlessOnnx, poison } from '#test/batch/scoring/poison-models.ts'
import { childrenOf } from '#test/bench/harness/process-use.ts'
import { committedFile } from '#test/support/committed-file.ts'
import { slowOnnx, writeOnnx } from '#test/support/onnx-writer.ts'
import { refusal } from '#test/support/refusal.ts'
import { plainManifest, testEntry } from '#test/support/test-model.ts'

vi.setConfig({ testTimeout: 120_000 })

const read = (only: string) => readModels('models', { parse: parseManifest, only })
const [iris, spam] = [...read('iris'), ...read('spam')] as [ModelEntry, ModelEntry]
const irisRow = { inputs: [[5.1, 3.5, 1.4, 0.2]], parameters: {} }

/** The first two of four numbers come out as scores. */
const files: Readonly<Record<string, () => Uint8Array<ArrayBuffer>>> = {
  hanging: hangingOnnx,
  greedy: greedyOnnx,
  harmless: harmlessOnnx,
  slow: () => slowOnnx(50),
}
const model = (name: string, changes: object = {}, timeoutMs = 20_000) =>
  testEntry(
    { name, limits: { timeoutMs }, batch: { rows: 8 }, ...changes },
    {
      sample: { inputs: [0.25, 0.75, 0, 0] },
      expected: {
        outputs: [
          { label: 'yes', score: 0.75 },
          { label: 'no', score: 0.25 },
        ],
        metric: 'max-absolute-difference',
        tolerance: 0,
      },
    },
  )
const answer = (no: number, yes: number) => ({
  rows: 1,
  outputs: [
    { label: 'no', score: no },
    { label: 'yes', score: yes },
  ],
})
/** Its run takes some 0.3 s of one CPU. */
const slow = testEntry(
  { name: 'slow', outputs: [{ ...plainManifest.outputs[0], shape: [1, 2] }] },
  {
    sample: { inputs: [1, 1, 1, 1] },
    expected: { ...model('slow').expected, outputs: answer(1 / 512, 1 / 512).outputs },
  },
)
const row = (...numbers: number[]) => ({ inputs: numbers, parameters: {} })

function setUp(options: Partial<ProcessRunnerOptions> = {}) {
  const before = new Set(childrenOf(process.pid))
  const reads: string[] = []
  const runner = processRunner({
    size: 1,
    memoryLimitBytes: 1_000_000_000,
    async readArtifact(entry) {
      const { name } = entry.manifest
      reads.push(name)
      return files[name]?.() ?? committedFile(entry)
    },
    ...options,
  })
  onTestFinished(() => runner.close())
  return {
    runner,
    reads,
    processes: () => childrenOf(process.pid).filter((pid) => !before.has(pid)),
  }
}
const poisoned = { program: new URL('./poisoned-worker.ts', import.meta.url) }

test('answers what the model answers inline, over processes of its own', async () => {
  const { runner, reads, processes } = setUp({ size: 2 })
  const inline = inlineRunner({ threads: 1, readArtifact: committedFile })
  onTestFinished(() => inline.close())
  const first = await runner.predict(iris, irisRow)
  expect(first.outputs).toStrictEqual((await inline.predict(iris, irisRow)).outputs)
  await Promise.all([1, 2, 3, 4].map(() => runner.predict(iris, irisRow)))
  expect(processes()).toHaveLength(2)
  expect(reads).toStrictEqual(['iris', 'iris'])
})

test('carries tensors there and back: INT64, BYTES, FP32', async () => {
  const { runner } = setUp()
  const features: Tensor = {
    datatype: 'FP32',
    shape: [1, 4],
    data: Float32Array.of(5.1, 3.5, 1.4, 0.2),
  }
  const species = await runner.infer(iris, { inputs: { features }, outputs: ['label'] })
  expect(species.outputs).toStrictEqual({
    label: { datatype: 'INT64', shape: [1], data: BigInt64Array.of(0n) },
  })
  const text: Tensor = { datatype: 'BYTES', shape: [2], data: ['prize ü', ''] }
  const mail = await runner.infer(spam, { inputs: { text } })
  expect(mail.outputs.probabilities?.data).toBeInstanceOf(Float32Array)
})

test('brings a file of several pieces over whole', async () => {
  const numbers = Float32Array.from({ length: 750_001 }, (_, at) => at)
  // The scores are only right where the sum over the whole file is.
  const large = writeOnnx({
    inputs: [{ name: 'features', datatype: 'FP32', shape: ['rows', 4] }],
    outputs: [{ name: 'scores', datatype: 'FP32', shape: ['rows', 2] }],
    constants: [
      { name: 'numbers', values: numbers },
      { name: 'last', values: Float32Array.of(750_000) },
      { name: 'start', values: BigInt64Array.of(0n, 0n) },
      { name: 'end', values: BigInt64Array.of(1_000_000n, 2n) },
    ],
    nodes: [
      {
        operator: 'ReduceMax',
        inputs: ['numbers'],
        outputs: ['most'],
        attributes: { keepdims: 0 },
      },
      { operator: 'Sub', inputs: ['most', 'last'], outputs: ['zero'] },
      { operator: 'Slice', inputs: ['features', 'start', 'end'], outputs: ['first two'] },
      { operator: 'Add', inputs: ['first two', 'zero'], outputs: ['scores'] },
    ],
  })
  const { runner } = setUp({ readArtifact: async () => large })
  expect(large.length).toBeGreaterThan(2 * 2 ** 20)
  expect(await runner.predict(model('large'), row(0.5, 0.25, 0, 0))).toMatchObject(
    answer(0.5, 0.25),
  )
})

test('ends a run that never ends at its deadline, within a second, and answers the next call', async () => {
  const { runner, processes } = setUp()
  const hasty = model('hanging', {}, 700)
  expect(await runner.predict(model('hanging'), row(0.5, 0.25, 0, 0))).toMatchObject(
    answer(0.5, 0.25),
  )
  const [pid = 0] = processes()
  const start = performance.now()
  await expect(runner.predict(hasty, row(4e9, 0, 0, 0))).rejects.toEqual(
    refusal('deadline_exceeded', '700 ms'),
  )
  await vi.waitUntil(() => processUsage(pid) === undefined, { timeout: 1_000, interval: 10 })
  expect(performance.now() - start).toBeLessThan(1_700)
  expect(await runner.predict(model('hanging'), row(0.5, 0.25, 0, 0))).toMatchObject(
    answer(0.5, 0.25),
  )
  expect(processes()).toHaveLength(1)
})

test('ends a run that began late and never ends soon after its deadline, too', async () => {
  const { runner } = setUp()
  await runner.load(slow)
  await runner.load(model('hanging'))
  const first = runner.predict(slow, row(1, 1, 1, 1)).catch(() => undefined)
  const late = runner.predict(model('hanging', {}, 900), row(4e9, 0, 0, 0))
  await expect(late).rejects.toEqual(refusal('deadline_exceeded'))
  const start = performance.now()
  expect(await runner.predict(model('hanging'), row(0.5, 0.25, 0, 0))).toMatchObject({ rows: 1 })
  expect(performance.now() - start).toBeLessThan(5_000)
  await first
})

test('tells the one call in a process that crashes, and no other', async () => {
  const { runner } = setUp(poisoned)
  await runner.load(model('harmless'))
  const [before, crashed, after] = await Promise.allSettled(
    [0.25, poison.abort, 0.5].map((value) =>
      runner.predict(model('harmless', { batch: { rows: 1 } }), row(value, 0, 0, 0)),
    ),
  )
  expect(before).toMatchObject({ value: answer(0.25, 0) })
  expect(crashed).toMatchObject({
    reason: {
      code: 'inference_failed',
      detail: expect.stringContaining('has ended'),
      cause: { message: expect.stringContaining('SIGABRT') },
    },
  })
  expect(after).toMatchObject({ value: answer(0.5, 0) })
})

test('tells the one call that takes more memory than it may, and answers the next', async () => {
  const { runner } = setUp({ memoryLimitBytes: 400_000_000 })
  await runner.load(model('greedy'))
  await expect(runner.predict(model('greedy'), row(40, 0, 0, 0))).rejects.toEqual(
    refusal('out_of_memory'),
  )
  expect(await runner.predict(model('greedy'), row(0.5, 0, 0, 0))).toMatchObject(answer(0.5, 0))
})

test.each([
  ['throws', 'harmless', poison.fail, 'internal'],
  ['crashes', 'harmless', poison.abort, 'inference_failed'],
  ['takes all memory', 'greedy', 40, 'out_of_memory'],
] as const)(
  'fails only the call whose run %s, though it would share one with others',
  async (_, name, bad, code) => {
    const { runner } = setUp({ ...poisoned, size: 2, memoryLimitBytes: 500_000_000 })
    const entry = model(name, {}, 40_000)
    const numbers = [0.1, 0.2, 0.3, bad, 0.5, 0.6].map(Math.fround)
    await runner.load(entry)
    // Enough of the same kind for runs to be shared.
    for (let round = 0; round < 6; round += 1) {
      await Promise.all(numbers.map((_, at) => runner.predict(entry, row(at / 8, 0, 0, 0))))
    }
    const outcomes = await Promise.allSettled(
      numbers.map((number) => runner.predict(entry, row(number, 0, 0, 0))),
    )
    expect(outcomes.map(({ status }) => status)).toStrictEqual(
      numbers.map((number) => (number === Math.fround(bad) ? 'rejected' : 'fulfilled')),
    )
    expect(outcomes[3]).toMatchObject({ reason: { code } })
  },
)

test('replaces a process after so many runs, its successor warmed first, and loses no call', async () => {
  const { runner, reads, processes } = setUp({ runLimit: 20 })
  const seen = new Set<number>()
  const answers = []
  for (let round = 0; round < 300 && seen.size < 3; round += 1) {
    answers.push(
      ...(await Promise.all([runner.predict(iris, irisRow), runner.predict(iris, irisRow)])),
    )
    const now = processes()
    expect(now.length).toBeLessThanOrEqual(3)
    for (const pid of now) seen.add(pid)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  expect(seen.size).toBeGreaterThanOrEqual(3)
  // The one before the last had to have it before it could take over.
  expect(reads.length).toBeGreaterThanOrEqual(2)
  expect(new Set(answers.map(({ outputs }) => JSON.stringify(outputs))).size).toBe(1)
})

test('keeps a worn process while its successor cannot load what it has', async () => {
  let reads = 0
  const { runner } = setUp({
    runLimit: 1,
    async readArtifact(entry) {
      reads += 1
      if (reads > 1) throw new Error('The store is gone.')
      return committedFile(entry)
    },
  })
  for (let round = 0; round < 100; round += 1) {
    expect(await runner.predict(iris, irisRow)).toMatchObject({ rows: 1 })
  }
  await vi.waitUntil(() => reads > 1, { timeout: 20_000 })
  expect(await runner.predict(iris, irisRow)).toMatchObject({ rows: 1 })
  expect(reads).toBe(2)
})

test('replaces a process that has grown', async () => {
  const { runner, processes } = setUp({ ...poisoned, growthLimitBytes: 40_000_000 })
  const entry = model('harmless')
  const seen = new Set<number>()
  for (let round = 0; round < 2_000 && seen.size < 2; round += 1) {
    expect(await runner.predict(entry, row(0.5, 0, 0, 0))).toMatchObject(answer(0.5, 0))
    for (const pid of processes()) seen.add(pid)
  }
  expect(seen.size).toBe(2)
})

test('survives its closing while a model runs: that call ends, those who wait are told', async () => {
  const { runner, processes } = setUp()
  await runner.load(slow)
  const calls = [0, 1].map(() => runner.predict(slow, row(1, 1, 1, 1)))
  const settled = Promise.allSettled(calls)
  await runner.close()
  expect(await settled).toMatchObject([
    { status: 'fulfilled' },
    { status: 'rejected', reason: { code: 'overloaded' } },
  ])
  expect(processes()).toHaveLength(0)
})

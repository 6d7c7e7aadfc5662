import { once } from 'node:events'
import type { Worker } from 'node:worker_threads'
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { parseManifest } from '#shared/catalog/parse-manifest.ts'
import { readModels } from '#shared/catalog/read-models.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { PooledRunnerOptions } from '#shared/inference/pooled-runner.ts'
import { threadedRunner } from '#shared/inference/threaded-runner.ts'
import type { Tensor } from '#shared/runtime/tensor.ts'
import { committedFile } from '#test/support/committed-file.ts'
import { slowOnnx } from '#test/support/onnx-writer.ts'
import { refusal } from '#test/support/refusal.ts'
import { plainManifest, testEntry } from '#test/support/test-model.ts'

const read = (only: string) => readModels('models', { parse: parseManifest, only })
const [iris, spam] = [...read('iris'), ...read('spam')] as [ModelEntry, ModelEntry]
const request = { inputs: [[5.1, 3.5, 1.4, 0.2]], parameters: {} }
const slowRequest = { inputs: [1, 1, 1, 1], parameters: {} }

/** A model whose run takes some 0.3 s of one CPU. */
const slowBytes = slowOnnx(50)
const slow = (timeoutMs: number) =>
  testEntry(
    {
      name: 'slow',
      limits: { timeoutMs },
      outputs: [{ ...plainManifest.outputs[0], shape: [1, 2] }],
    },
    {
      sample: { inputs: [1, 1, 1, 1] },
      expected: {
        outputs: [
          { label: 'no', score: 1 / 512 },
          { label: 'yes', score: 1 / 512 },
        ],
        metric: 'max-absolute-difference',
        tolerance: 0.01,
      },
    },
  )

/** The threads that were started, in order. */
const workers: Worker[] = []
const onWorker = (worker: Worker) => workers.push(worker)
beforeAll(() => void process.on('worker', onWorker))
afterAll(() => void process.off('worker', onWorker))

function setUp(options: Partial<PooledRunnerOptions> = {}) {
  workers.length = 0
  const reads: string[] = []
  const runner = threadedRunner({
    size: 1,
    async readArtifact(entry) {
      reads.push(entry.manifest.name)
      return entry.manifest.name === 'slow' ? slowBytes : committedFile(entry)
    },
    ...options,
  })
  onTestFinished(() => runner.close())
  return { runner, reads }
}

/** Deadlines pass when a test says so; the threads have clocks of their own. */
function stopClock(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
}

function gate() {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { opened: promise, open: resolve }
}

test('loads a model at its first call and keeps it for the next', async () => {
  const { runner, reads } = setUp({ size: 2 })
  const first = await runner.predict(iris, request)
  const second = await runner.predict(iris, request)
  expect(second.outputs).toStrictEqual(first.outputs)
  expect(first).toMatchObject({ rows: 1, outputs: [[{ label: 'setosa' }, {}, {}]] })
  expect(reads).toStrictEqual(['iris'])
})

test('leaves the event loop free while a model runs', async () => {
  const { runner } = setUp()
  await runner.load(slow(60_000))
  let ticks = 0
  const ticking = setInterval(() => {
    ticks += 1
  }, 5)
  const start = performance.now()
  await runner.predict(slow(60_000), slowRequest)
  const tookMs = performance.now() - start
  clearInterval(ticking)
  // Run inline, there would be none at all; a quarter of them leaves room for a busy machine.
  expect(ticks).toBeGreaterThan(tookMs / 5 / 4)
})

test('answers a deadline on time, and the next call on a fresh thread', async () => {
  const { runner } = setUp()
  await runner.load(slow(60_000))
  const { timings } = await runner.predict(slow(60_000), slowRequest)
  const start = performance.now()
  await expect(runner.predict(slow(50), slowRequest)).rejects.toEqual(
    refusal('deadline_exceeded', 'slow@1', '50 ms'),
  )
  expect(performance.now() - start).toBeLessThan(timings.runMs)
  expect(await runner.predict(iris, request)).toMatchObject({ rows: 1 })
  expect(workers).toHaveLength(2)
})

test('tells a call that waits for a thread of its deadline, too, and never runs it', async () => {
  const { runner, reads } = setUp()
  await runner.load(slow(60_000))
  const running = runner.predict(slow(60_000), slowRequest)
  const hasty = testEntry({ name: 'hasty', limits: { timeoutMs: 20 } })
  await expect(runner.predict(hasty, slowRequest)).rejects.toEqual(refusal('deadline_exceeded'))
  await running
  expect(reads).toStrictEqual(['slow'])
})

test('counts the time a call waited in its deadline, and spares the thread that runs it late', async () => {
  stopClock()
  const gates = [gate(), gate()] as const
  const { runner, reads } = setUp({
    async readArtifact(entry) {
      const at = reads.push(entry.manifest.name)
      await (at === 1 ? gates[0] : gates[1]).opened
      return committedFile(entry)
    },
  })
  const first = runner.predict(spam, { inputs: 'hello', parameters: {} })
  const late = runner.predict(iris, request)
  vi.advanceTimersByTime(iris.manifest.limits.timeoutMs * 0.9)
  gates[0].open()
  await first
  await vi.waitUntil(() => reads.length === 2)
  vi.advanceTimersByTime(iris.manifest.limits.timeoutMs * 0.2)
  await expect(late).rejects.toEqual(refusal('deadline_exceeded'))
  gates[1].open()
  expect(await runner.predict(iris, request)).toMatchObject({ rows: 1 })
  expect(workers).toHaveLength(1)
})

test('refuses calls once the queue is full, and says when to come back', async () => {
  const { runner } = setUp({ queueLength: 1 })
  await runner.load(slow(60_000))
  const taken = [0, 1].map(() => runner.predict(slow(60_000), slowRequest))
  const thrown = await runner.predict(slow(60_000), slowRequest).catch((error: unknown) => error)
  expect(thrown).toEqual(refusal('overloaded'))
  expect(thrown).toMatchObject({ retryAfterSeconds: 1, model: 'slow@1' })
  expect(await Promise.all(taken)).toHaveLength(2)
})

test('refuses new calls while too many threads linger, and takes them again afterwards', async () => {
  stopClock()
  const { open, opened } = gate()
  const { runner } = setUp({ readArtifact: (entry) => opened.then(() => committedFile(entry)) })
  for (const _ of [1, 2]) {
    const call = runner.predict(iris, request)
    // What comes in the same turn would go to the thread with it.
    await Promise.resolve()
    // Its thread is just starting, so it is left to itself until the call has ended.
    vi.advanceTimersByTime(iris.manifest.limits.timeoutMs)
    await expect(call).rejects.toEqual(refusal('deadline_exceeded'))
  }
  await expect(runner.predict(iris, request)).rejects.toEqual(refusal('overloaded'))
  // The process tells of new threads a turn later.
  await new Promise(setImmediate)
  const ended = Promise.all(workers.map((worker) => once(worker, 'exit')))
  open()
  await ended
  expect(await runner.predict(iris, request)).toMatchObject({ rows: 1 })
})

test('fails the calls of a thread that dies, and replaces it', async () => {
  const asked = Promise.withResolvers<void>()
  let reads = 0
  const { runner } = setUp({
    async readArtifact(entry) {
      reads += 1
      asked.resolve()
      return reads === 1 ? new Promise(() => {}) : committedFile(entry)
    },
  })
  const call = runner.predict(iris, request)
  const settled = expect(call).rejects.toEqual(refusal('inference_failed', 'has ended'))
  await asked.promise
  await workers[0]?.terminate()
  await settled
  expect(await runner.predict(iris, request)).toMatchObject({ rows: 1 })
  expect(workers).toHaveLength(2)
})

test('replaces a thread that died while it was idle', async () => {
  const { runner } = setUp()
  await runner.predict(iris, request)
  await workers[0]?.terminate()
  expect(await runner.predict(iris, request)).toMatchObject({ rows: 1 })
})

test('keeps what an error says on its way between threads', async () => {
  const cause = new Error('disk on fire')
  const { runner } = setUp({
    readArtifact: () =>
      Promise.reject(new ServiceError('artifact_unavailable', { retryAfterSeconds: 7, cause })),
  })
  const thrown = await runner.predict(iris, request).catch((error: unknown) => error)
  expect(thrown).toBeInstanceOf(ServiceError)
  expect(thrown).toMatchObject({
    code: 'artifact_unavailable',
    status: 502,
    model: 'iris@1',
    retryAfterSeconds: 7,
    cause: expect.stringContaining('disk on fire'),
  })
})

test('keeps the code of what is wrong with the inputs, and of anything else that is thrown', async () => {
  const { runner } = setUp()
  const { inputs: rows, parameters } = request
  await expect(runner.predict(iris, { inputs: 'text', parameters })).rejects.toEqual(
    refusal('input_invalid'),
  )
  await expect(runner.predict(iris, { inputs: rows, parameters: { top: 1 } })).rejects.toEqual(
    refusal('parameter_invalid'),
  )
  const many = Array.from({ length: 257 }, () => rows[0])
  await expect(runner.predict(iris, { inputs: many, parameters })).rejects.toEqual(
    refusal('too_many_rows', '257', '256'),
  )
  const other = setUp({ readArtifact: () => Promise.reject(new Error('unforeseen')) })
  await expect(other.runner.predict(iris, request)).rejects.toEqual(refusal('internal'))
})

test('tries again to load a model that could not be loaded', async () => {
  let broken = true
  const { runner } = setUp({
    async readArtifact(entry) {
      if (broken) throw new ServiceError('artifact_not_found')
      return committedFile(entry)
    },
  })
  await expect(runner.predict(iris, request)).rejects.toEqual(refusal('artifact_not_found'))
  broken = false
  expect(await runner.predict(iris, request)).toMatchObject({ rows: 1 })
})

test('never answers from a model that fails its golden sample', async () => {
  const { runner } = setUp()
  const expected = { ...iris.expected, outputs: [[{ label: 'rose', score: 1 }]] }
  const wrong = { ...iris, expected }
  await expect(runner.predict(wrong, request)).rejects.toEqual(refusal('model_not_ready', 'iris@1'))
  await expect(runner.ready(wrong)).rejects.toEqual(refusal('model_not_ready', 'iris@1'))
})

test('leaves the bytes that several threads load whole', async () => {
  const bytes = await committedFile(iris)
  const { runner } = setUp({ size: 2, readArtifact: async () => bytes })
  await Promise.all([runner.predict(iris, request), runner.predict(iris, request)])
  expect(workers).toHaveLength(2)
  expect(bytes).toStrictEqual(await committedFile(iris))
})

test('carries tensors to a thread and back: INT64, BYTES, FP32', async () => {
  const { runner } = setUp()
  const row: Tensor = { datatype: 'FP32', shape: [1, 4], data: Float32Array.of(5.1, 3.5, 1.4, 0.2) }
  const species = await runner.infer(iris, { inputs: { features: row }, outputs: ['label'] })
  expect(species.outputs).toStrictEqual({
    label: { datatype: 'INT64', shape: [1], data: BigInt64Array.of(0n) },
  })
  const text: Tensor = { datatype: 'BYTES', shape: [2], data: ['prize ü', ''] }
  const mail = await runner.infer(spam, { inputs: { text } })
  expect(mail.outputs).toMatchObject({ probabilities: { datatype: 'FP32', shape: [2, 2] } })
  expect(mail.outputs.probabilities?.data).toBeInstanceOf(Float32Array)
})

test('survives its closing while a model runs: that call ends, those who wait are told', async () => {
  const { runner } = setUp()
  await runner.load(slow(60_000))
  const calls = [0, 1].map(() => runner.predict(slow(60_000), slowRequest))
  const settled = Promise.allSettled(calls)
  await runner.close()
  expect(await settled).toMatchObject([
    { status: 'fulfilled' },
    { status: 'rejected', reason: { code: 'overloaded' } },
  ])
  await expect(runner.predict(iris, request)).rejects.toEqual(refusal('overloaded'))
})

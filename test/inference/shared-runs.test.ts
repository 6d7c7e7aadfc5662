import fc from 'fast-check'
import { afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { createGroupSizes, type GroupSizes } from '#shared/inference/group-sizes.ts'
import type { InferResult, Prediction } from '#shared/inference/model.ts'
import type { ModelRunner } from '#shared/inference/model-runner.ts'
import { pooledRunner } from '#shared/inference/pooled-runner.ts'
import type { ModelCall } from '#shared/inference/run-together.ts'
import { findTask } from '#shared/tasks/find-task.ts'
import { testEntry } from '#test/support/test-model.ts'
import { fate, type SimulationOptions, simulatedWorker } from './simulated-worker.ts'

vi.setConfig({ testTimeout: 60_000 })
beforeAll(async () => void (await findTask('tabular-classification')))
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})
afterEach(() => void vi.useRealTimers())

const rowsPerRun = 8
const entryOf = (name: string, timeoutMs: number) =>
  testEntry({ name, limits: { timeoutMs, rows: 4 }, batch: { rows: rowsPerRun } })

/** Ten milliseconds for a run, and one for each row. */
const runMs = (rows: number) => 10 + rows

const number = fc.double({ min: -9, max: 9, noNaN: true }).map(Math.fround)
const first = (fates: readonly number[]) =>
  fc.oneof({ weight: 12, arbitrary: number }, { weight: 1, arbitrary: fc.constantFrom(...fates) })
const rowOf = (fates: readonly number[], width = 4) =>
  fc.tuple(first(fates), ...Array.from({ length: width - 1 }, () => number))

const predictCall = (fates: readonly number[]) =>
  fc.record({
    kind: fc.constant('predict' as const),
    request: fc.record({
      inputs: fc.oneof(
        { weight: 6, arbitrary: rowOf(fates) as fc.Arbitrary<unknown> },
        { weight: 3, arbitrary: fc.array(rowOf(fates), { minLength: 1, maxLength: 5 }) },
        // Its rows are not seen before it is prepared.
        {
          weight: 3,
          arbitrary: fc
            .array(rowOf(fates), { minLength: 1, maxLength: 4 })
            .map((data) => ({ data })),
        },
        { weight: 1, arbitrary: fc.constantFrom('text', [1, 2], [], [[1, 2, 3, 'x']]) },
      ),
      parameters: fc.constantFrom({}, {}, { top_k: 1 }, { top_k: 'many' }),
    }),
  })
const inferCall = (fates: readonly number[]) =>
  fc
    .record({ rows: fc.integer({ min: 1, max: 10 }), width: fc.constantFrom(4, 4, 3) })
    .chain(({ rows, width }) =>
      fc.array(rowOf(fates, width), { minLength: rows, maxLength: rows }).map((table) => ({
        kind: 'infer' as const,
        request: {
          inputs: {
            features: {
              datatype: 'FP32' as const,
              shape: [rows, width],
              data: Float32Array.from(table.flat()),
            },
          },
        },
      })),
    )

interface Arrival {
  readonly atMs: number
  readonly model: number
  readonly call: ModelCall
  /** When its caller goes, counted from its arrival. */
  readonly leavesMs: number | null
  /** Whether he calls it off then, so that a run under way is ended. */
  readonly callsOff: boolean
}
const arrivals = (fates: readonly number[], mostMs: number): fc.Arbitrary<Arrival[]> =>
  fc.array(
    fc.record({
      atMs: fc.integer({ min: 0, max: mostMs }),
      model: fc.constantFrom(0, 0, 0, 1),
      call: fc.oneof(predictCall(fates), inferCall(fates)) as fc.Arbitrary<ModelCall>,
      leavesMs: fc.option(fc.integer({ min: 0, max: 60 }), { freq: 8 }),
      callsOff: fc.boolean(),
    }),
    { minLength: 1, maxLength: 60 },
  )

interface Told {
  readonly value?: unknown
  readonly code?: string
  readonly atMs: number
}

async function ask(
  runner: ModelRunner,
  entry: ModelEntry,
  call: ModelCall,
  signal?: AbortSignal,
): Promise<Told> {
  const start = performance.now()
  const answer: Promise<Prediction | InferResult> =
    call.kind === 'predict'
      ? runner.predict(entry, call.request, { signal })
      : runner.infer(entry, call.request, { signal })
  return answer.then(
    ({ timings: _, ...value }) => ({ value, atMs: performance.now() - start }),
    (error: ServiceError) => ({ code: error.code, atMs: performance.now() - start }),
  )
}

/** Nothing to learn: these take as many as they may, or one. */
const eager = (mostCalls: number): GroupSizes => ({
  choose: (waiting) => Math.min(waiting, mostCalls),
  learn: () => undefined,
})
const single = (): GroupSizes => ({ choose: () => 1, learn: () => undefined })

const startRunner = (
  options: Partial<SimulationOptions>,
  size: number,
  groupSizes: (mostCalls: number) => GroupSizes = createGroupSizes,
) =>
  pooledRunner(
    (worker) => simulatedWorker(worker, { runMs, canBeKilled: true, rowsPerRun, ...options }),
    { readArtifact: async () => new Uint8Array(), size, groupSizes, queueLength: 100 },
  )

/** What each gets among the others, and what it would get alone. */
async function play(
  list: readonly Arrival[],
  {
    size,
    timeoutMs,
    groupSizes = eager,
    ...options
  }: Partial<SimulationOptions> & {
    size: number
    timeoutMs: number
    groupSizes?: typeof eager
  },
) {
  const entries = [entryOf('first', timeoutMs), entryOf('second', timeoutMs)]
  const entry = ({ model }: Arrival) => entries[model] as ModelEntry
  const among = startRunner(options, size, groupSizes)
  const told = Promise.all(
    list.map(async (arrival) => {
      await new Promise((resolve) => setTimeout(resolve, arrival.atMs))
      const gone = new AbortController()
      const reason = arrival.callsOff ? calledOff : undefined
      if (arrival.leavesMs !== null) setTimeout(() => gone.abort(reason), arrival.leavesMs)
      return ask(among, entry(arrival), arrival.call, gone.signal)
    }),
  )
  await vi.runAllTimersAsync()
  const alone: Told[] = []
  for (const arrival of list) {
    const asked = ask(startRunner(options, 1, single), entry(arrival), arrival.call)
    await vi.runAllTimersAsync()
    alone.push(await asked)
  }
  return { told: await told, alone }
}

const calledOff = new ServiceError('deadline_exceeded', { detail: 'It was called off.' })

const withoutTime = ({ atMs: _, ...told }: Told) => told

test('gives everyone what he gets alone, bit by bit, or tells him of his own deadline', async () => {
  await fc.assert(
    fc.asyncProperty(
      arrivals([fate.fails, fate.crashes, fate.hangs, fate.isSlow], 100),
      fc.integer({ min: 1, max: 3 }),
      fc.constantFrom(300, 1_200),
      fc.constantFrom(eager, createGroupSizes),
      async (list, size, timeoutMs, groupSizes) => {
        const { told, alone } = await play(list, { size, timeoutMs, groupSizes })
        for (const [at, got] of told.entries()) {
          const isLate = got.code === 'deadline_exceeded' && got.atMs === timeoutMs
          const { leavesMs } = list[at] as Arrival
          const isGone = got.code === 'deadline_exceeded' && got.atMs === leavesMs
          if (!isLate && !isGone)
            expect(withoutTime(got)).toStrictEqual(withoutTime(alone[at] as Told))
        }
      },
    ),
    { numRuns: 150 },
  )
})

test('fails nobody but who would fail alone, where there is time', async () => {
  await fc.assert(
    fc.asyncProperty(
      arrivals([fate.fails, fate.crashes, fate.isSlow], 100),
      fc.boolean(),
      async (list, canBeKilled) => {
        const staying = list.map((arrival) => ({ ...arrival, leavesMs: null }))
        const { told, alone } = await play(staying, { size: 2, timeoutMs: 600_000, canBeKilled })
        expect(told.map(withoutTime)).toStrictEqual(alone.map(withoutTime))
      },
    ),
    { numRuns: 100 },
  )
})

test('fails only the one whose run never ends, though runs are shared and there is one worker', async () => {
  const entry = entryOf('first', 2_000)
  const rows: number[] = []
  const runner = startRunner({ onRun: (count) => rows.push(count) }, 1, eager)
  const row = (number: number) => ({ inputs: [number, 1, 2, 3], parameters: {} })
  const told = Promise.allSettled(
    [1, 2, 3, fate.hangs, 5, 6].map((number) => runner.predict(entry, row(number))),
  )
  await vi.runAllTimersAsync()
  expect((await told).map(({ status }) => status)).toStrictEqual(
    [1, 2, 3, fate.hangs, 5, 6].map((number) => (number === fate.hangs ? 'rejected' : 'fulfilled')),
  )
  expect(Math.max(...rows)).toBeGreaterThan(1)
})

test('ends a run that is called off, and serves the next call, unless others share the run', async () => {
  const entry = entryOf('first', 600_000)
  const runner = startRunner({}, 1, eager)
  const asked = (number: number, signal?: AbortSignal) =>
    runner.predict(entry, { inputs: [number, 1, 2, 3], parameters: {} }, { signal })
  const [one, other] = [new AbortController(), new AbortController()]
  const told = Promise.allSettled([asked(fate.hangs, one.signal), asked(1, other.signal)])
  await vi.advanceTimersByTimeAsync(5)
  const next = asked(2)
  one.abort(calledOff)
  await vi.advanceTimersByTimeAsync(1_000)
  // The other one of the run is still waited for.
  expect(await Promise.race([next, 'waits'])).toBe('waits')
  other.abort(calledOff)
  await vi.advanceTimersByTimeAsync(20)
  expect(await Promise.race([next, 'waits'])).toMatchObject({ rows: 1 })
  const refused = { status: 'rejected', reason: calledOff }
  expect(await told).toMatchObject([refused, refused])
})

test('goes on with a run whose caller has gone: it is paid for, and may be asked for again', async () => {
  const entry = entryOf('first', 600_000)
  const gone = new AbortController()
  const asked = { inputs: [fate.isSlow, 1, 2, 3], parameters: {} }
  const told = startRunner({}, 1, eager).predict(entry, asked, { signal: gone.signal })
  await vi.advanceTimersByTimeAsync(5)
  gone.abort()
  await vi.runAllTimersAsync()
  expect(await told).toMatchObject({ rows: 1 })
})

test('tells those at once that would be run again, where it is being closed', async () => {
  const entry = entryOf('first', 600_000)
  const runner = startRunner({}, 1, eager)
  const start = performance.now()
  const told = Promise.allSettled(
    [1, fate.crashes].map((number) =>
      runner.predict(entry, { inputs: [number, 1, 2, 3], parameters: {} }),
    ),
  )
  await vi.advanceTimersByTimeAsync(1)
  void runner.close()
  await vi.runAllTimersAsync()
  const refused = { status: 'rejected', reason: { code: 'overloaded' } }
  expect(await told).toMatchObject([refused, refused])
  expect(performance.now() - start).toBeLessThan(1_000)
})

test('joins what waits: the same calls take less than half the time', async () => {
  const entry = entryOf('first', 600_000)
  const time = async (groupSizes: typeof eager) => {
    const runner = startRunner({}, 2, groupSizes)
    const start = performance.now()
    const clients = Array.from({ length: 8 }, async (_, client) => {
      for (let call = 0; call < 100; call += 1) {
        await runner.predict(entry, { inputs: [client, call, 0, 0], parameters: {} })
      }
    })
    await vi.runAllTimersAsync()
    await Promise.all(clients)
    return performance.now() - start
  }
  expect(await time(createGroupSizes)).toBeLessThan((await time(single)) / 2)
})

test.each([
  ['whose manifest proves no rows', { batch: { rows: 1 } }],
  [
    'whose graph takes a fixed number of rows',
    { inputs: [{ name: 'features', datatype: 'FP32', shape: [1, 4] }] },
  ],
])('never joins calls of a model %s', async (_, changes) => {
  const entry = testEntry({ name: 'lonely', batch: { rows: 8 }, ...changes })
  const rows: number[] = []
  const runner = startRunner({ onRun: (count) => rows.push(count) }, 1, eager)
  for (let round = 0; round < 20; round += 1) {
    const calls = Array.from({ length: 8 }, (_, at) =>
      runner.predict(entry, { inputs: [at, 1, 2, 3], parameters: {} }),
    )
    await vi.runAllTimersAsync()
    await Promise.all(calls)
  }
  expect(new Set(rows)).toStrictEqual(new Set([1]))
})

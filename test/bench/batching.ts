import { join } from 'node:path'
import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { parseManifest } from '#shared/catalog/parse-manifest.ts'
import { readModels } from '#shared/catalog/read-models.ts'
import type { GroupSizes } from '#shared/inference/group-sizes.ts'
import type { ModelRunner } from '#shared/inference/model-runner.ts'
import { processRunner } from '#shared/inference/process-runner.ts'
import { threadedRunner } from '#shared/inference/threaded-runner.ts'
import { elementCount, type Tensor } from '#shared/runtime/tensor.ts'
import { committedFile } from '#test/support/committed-file.ts'
import { interleave } from './harness/interleave.ts'
import { milliseconds as ms } from './harness/milliseconds.ts'
import { childrenOf, processUse } from './harness/process-use.ts'
import type { Measure, Row } from './harness/report.ts'
import { highest, p99, statistics } from './harness/statistics.ts'
import { timerLags } from './harness/timer-lags.ts'

const concurrency = 8
const sampleMs = 300
const idleMs = 3_000
const size = 2
const memoryLimitBytes = 2_000_000_000

const single = (): GroupSizes => ({ choose: () => 1, learn: () => undefined })

/** What each kind of call asks; the bar is what sharing runs must bring it. */
const cases = [
  { model: 'language-id', kind: 'infer', atLeast: 1.3 },
  { model: 'fashion', kind: 'infer', atLeast: 1.3 },
  { model: 'iris', kind: 'predict', atLeast: 0.98 },
  { model: 'spam', kind: 'predict', atLeast: 0.98 },
  { model: 'faces', kind: 'infer', atLeast: 0.98 },
] as const

/** Whether calls that come together gain by sharing runs, and what a process of its own costs a call. */
export const batching: Measure = async ({ samples: rounds }) => {
  const options = { readArtifact: committedFile, size }
  const shared = processRunner({ ...options, memoryLimitBytes })
  const alone = processRunner({ ...options, memoryLimitBytes, groupSizes: single })
  const threads = threadedRunner({ ...options, groupSizes: single })
  const rows: Row[] = []
  const lags: number[] = []
  try {
    for (const { model, kind, atLeast } of cases) {
      const entry = entryOf(model)
      const ask = callOf(entry, kind)
      // What is compared has loaded the model, and learned what sharing brings.
      for (let sample = 0; sample < 4; sample += 1) await askTogether(shared, ask)
      await askTogether(alone, ask)
      const samples = await interleave(
        {
          async shared() {
            const stop = timerLags()
            const rate = await askTogether(shared, ask)
            lags.push(...stop())
            return rate
          },
          alone: () => askTogether(alone, ask),
        },
        rounds,
      )
      const rates = (list: readonly Sample[]) => list.map(({ calls, ms }) => (calls / ms) * 1_000)
      const [alonePerSecond, sharedPerSecond] = [rates(samples.alone), rates(samples.shared)]
      const gains = sharedPerSecond.map((rate, at) => rate / (alonePerSecond[at] ?? Number.NaN))
      const byCpu = callsACpuSecond(samples.shared) / callsACpuSecond(samples.alone)
      rows.push(
        { what: `${model}: each call by itself`, unit: 'calls/s', value: highest(alonePerSecond) },
        { what: `${model}: runs shared`, unit: 'calls/s', value: highest(sharedPerSecond) },
        { what: `${model}: shared ÷ by itself`, unit: '×', value: highest(gains), atLeast },
        { what: `${model}: the same, by CPU time`, unit: '×', value: byCpu },
      )
    }
    const stop = timerLags()
    await new Promise((resolve) => setTimeout(resolve, idleMs))
    rows.push(ms('p99 lag of a 1 ms timer, nothing to do', p99(stop())), {
      ...ms('p99 lag of a 1 ms timer, while runs are shared', p99(lags)),
      atMost: 5,
    })
    for (const [what, ask] of isolationCases()) {
      const [inThread = [], inProcess = []] = await callTimes([threads, alone], ask)
      rows.push(
        ms(`${what}: in a thread`, statistics(inThread)),
        ms(`${what}: in a process`, statistics(inProcess)),
      )
    }
  } finally {
    await Promise.all([shared, alone, threads].map((runner) => runner.close()))
  }
  return {
    title: 'Calls that come together',
    rows,
    notes: [
      `Calls that come together: ${concurrency} callers in this process, each with its next call after the answer; ${size} worker processes; no HTTP, no metering. Samples of ${sampleMs} ms in turn.`,
    ],
  }
}

type Ask = (runner: ModelRunner) => Promise<unknown>

const root = join(import.meta.dirname, '../..')

function entryOf(only: string): ModelEntry {
  const [entry] = readModels(join(root, 'models'), { parse: parseManifest, only })
  if (!entry) throw new Error(`There is no model ${only}.`)
  return entry
}

function callOf(entry: ModelEntry, kind: 'infer' | 'predict'): Ask {
  if (kind === 'infer') return inferOf(entry, 1)
  const { inputs } = entry.sample
  const one = Array.isArray(inputs) && typeof inputs[0] !== 'number' ? inputs[0] : inputs
  return (runner) => runner.predict(entry, { inputs: one, parameters: {} })
}

function inferOf(entry: ModelEntry, rows: number): Ask {
  const inputs = Object.fromEntries(
    entry.manifest.inputs.map(({ name, shape }): [string, Tensor] => {
      const own = [rows, ...shape.slice(1)]
      const data = Float32Array.from({ length: elementCount(own) }, (_, at) => (at % 251) / 251)
      return [name, { datatype: 'FP32', shape: own, data }]
    }),
  )
  return (runner) => runner.infer(entry, { inputs })
}

function isolationCases(): [string, Ask][] {
  const [iris, languages, faces] = ['iris', 'language-id', 'faces'].map(entryOf) as [
    ModelEntry,
    ModelEntry,
    ModelEntry,
  ]
  return [
    ['one row of iris', callOf(iris, 'predict')],
    ['a tensor of 1 MB (language-id, 423 rows)', inferOf(languages, 423)],
    ['an image (faces)', callOf(faces, 'predict')],
  ]
}

interface Sample {
  readonly calls: number
  readonly ms: number
  /** Of this process and its workers. */
  readonly cpuMs: number
}

/** What a busy machine moves less. */
function callsACpuSecond(samples: readonly Sample[]): number {
  const sum = (of: 'calls' | 'cpuMs') => samples.reduce((all, sample) => all + sample[of], 0)
  return (sum('calls') / sum('cpuMs')) * 1_000
}

async function askTogether(runner: ModelRunner, ask: Ask): Promise<Sample> {
  const cpuMs = () => processUse([process.pid, ...childrenOf(process.pid)]).cpuMs
  const [start, before] = [performance.now(), cpuMs()]
  let calls = 0
  const caller = async () => {
    while (performance.now() - start < sampleMs) {
      await ask(runner)
      calls += 1
    }
  }
  await Promise.all(Array.from({ length: concurrency }, caller))
  return { calls, ms: performance.now() - start, cpuMs: cpuMs() - before }
}

/** One call at a time, the runners in turn. */
async function callTimes(runners: readonly ModelRunner[], ask: Ask): Promise<number[][]> {
  const times = runners.map((): number[] => [])
  for (let call = -10; call < 200; call += 1) {
    for (const [at, runner] of runners.entries()) {
      const start = performance.now()
      await ask(runner)
      if (call >= 0) times[at]?.push(performance.now() - start)
    }
  }
  return times
}

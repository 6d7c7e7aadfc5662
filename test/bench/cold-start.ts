import { coldVariants, type Floors, type FunctionTimes } from './harness/cold-variants.ts'
import { interleave } from './harness/interleave.ts'
import { milliseconds as ms } from './harness/milliseconds.ts'
import { startRangeServer } from './harness/range-server.ts'
import type { Measure, Row } from './harness/report.ts'
import { type Statistics, statistics } from './harness/statistics.ts'
import { makeTransformer } from './models/make-transformer.ts'

/** Process start to first correct answer over a simulated S3: the floors, percall, the naive way. */
export const coldStart: Measure = async ({ samples: rounds }) => {
  const transformer = await makeTransformer()
  const server = await startRangeServer(transformer.artifacts)
  const variants = await coldVariants(transformer, server.endpoint)
  const samples = await interleave(variants, rounds).finally(server.stop)

  const [answer] = transformer.entries.onnx.expected.outputs as { label: string; score: number }[][]
  const expected = answer?.find(({ label }) => label === 'yes')?.score ?? Number.NaN
  const { empty: _, ...answering } = samples
  for (const { score } of Object.values(answering).flat()) {
    if (!(Math.abs(score - expected) < 0.001)) throw new Error(`${score} is not ${expected}.`)
  }

  const boot = of(samples.empty, ({ startedAt, bootedAt }) => bootedAt - startedAt)
  const naive = of(samples.naive, ({ startedAt, answeredAt }) => answeredAt - startedAt)
  const { bytes } = transformer.entries.onnx.manifest.artifact
  const compare = (
    format: string,
    functions: readonly FunctionTimes[],
    floors: readonly Floors[],
  ) => {
    const sum =
      boot.median + of(floors, ({ download, create, run }) => download + create + run).median
    const total = of(functions, ({ startedAt, answeredAt }) => answeredAt - startedAt).median
    return [
      ms(`sum of its floors, ${format}`, sum),
      {
        what: `percall ÷ sum of its floors, ${format}`,
        unit: '×',
        value: total / sum,
        atMost: 1.4,
      },
      { what: `naive ÷ percall, ${format}`, unit: '×', value: naive.median / total, atLeast: 2.5 },
    ] satisfies Row[]
  }
  return {
    title: `Cold start, ${(bytes / 1e6).toFixed(1)} MB int8 model, simulated S3`,
    rows: [
      ms('empty process, to its first line', boot),
      ms('download, computed: 25 ms + 8 × 85 MB/s', 25 + bytes / 8 / 85_000),
      ms(
        'download, measured: 8 bare sockets',
        of(samples.floorsOnnx, ({ download }) => download),
      ),
      ms(
        'ONNX Runtime, import',
        of(samples.floorsOnnx, (floors) => floors.import),
      ),
      ms(
        'ONNX Runtime, first session',
        of(samples.floorsOnnx, ({ warm }) => warm),
      ),
      ms(
        'session, onnx',
        of(samples.floorsOnnx, ({ create }) => create),
      ),
      ms(
        'session, ort',
        of(samples.floorsOrt, ({ create }) => create),
      ),
      ms(
        'first run, onnx',
        of(samples.floorsOnnx, ({ run }) => run),
      ),
      ms(
        'first run, ort',
        of(samples.floorsOrt, ({ run }) => run),
      ),
      ...timeline('onnx', samples.functionOnnx),
      ...timeline('ort', samples.functionOrt),
      ms('naive: SDK, file in the temporary folder, default session', naive),
      ...compare('onnx', samples.functionOnnx, samples.floorsOnnx),
      ...compare('ort', samples.functionOrt, samples.floorsOrt),
    ],
    notes: [
      'The sum of floors is empty process + measured download + session + first run. Import and first session of ONNX Runtime are left out of it: they fit into the wait for the first byte and the rest of the download.',
      'percall is the packaged function, called with the event of an HTTP API: S3 driver with signatures and digests, an API key looked up in SQLite, validation, encoding. The naive way has none of these. Both are bundled in the same way; every answer is checked.',
      '`ort` is the same model, optimised ahead of time for this CPU and used in place.',
    ],
  }
}

/** When a function was how far, counted from the start of its process. */
function timeline(format: string, samples: readonly FunctionTimes[]): Row[] {
  const since = (what: string, at: (times: FunctionTimes) => number) =>
    ms(
      `percall, ${format}: ${what}`,
      of(samples, (times) => at(times) - times.startedAt),
    )
  return [
    since('first request out', ({ requestedAt }) => requestedAt),
    since('model loaded', ({ loadedAt }) => loadedAt),
    since('first answer', ({ answeredAt }) => answeredAt),
  ]
}

const of = <Sample>(samples: readonly Sample[], value: (sample: Sample) => number): Statistics =>
  statistics(samples.map(value))

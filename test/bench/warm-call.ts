import { join } from 'node:path'
import { interleave } from './harness/interleave.ts'
import { milliseconds } from './harness/milliseconds.ts'
import { runNode } from './harness/node-process.ts'
import type { Measure, Row } from './harness/report.ts'
import { statistics } from './harness/statistics.ts'

/** Medians over the calls of one process, in milliseconds. */
interface CallTimes {
  readonly run: number
  readonly endpoint: number
  readonly http: number
}

const models = ['iris', 'language-id'] as const

/** What a call of a loaded model takes more than a bare run of its session on the same tensors. */
export const warmCall: Measure = async ({ samples: rounds }) => {
  const file = join(import.meta.dirname, 'processes/warm-calls.ts')
  const variant = (model: string) => () => runNode<CallTimes>({ file, args: [model] })
  const samples = await interleave(
    { iris: variant('iris'), 'language-id': variant('language-id') },
    Math.max(3, Math.round(rounds / 3)),
  )
  const rows = models.flatMap((model): Row[] => {
    const of = (value: (times: CallTimes) => number) => statistics(samples[model].map(value))
    return [
      milliseconds(
        `${model}: bare run`,
        of(({ run }) => run),
      ),
      {
        what: `${model}: the endpoint in process adds`,
        unit: 'ms',
        value: of(({ endpoint, run }) => endpoint - run),
        atMost: 0.15,
      },
      {
        what: `${model}: the Node host over HTTP adds`,
        unit: 'ms',
        value: of(({ http, run }) => http - run),
        atMost: 1,
      },
    ]
  })
  return {
    title: 'Warm call',
    rows,
    notes: [
      'Each process takes the median of 1,500 calls, the three kinds in turn; the table has the median of the processes. In process: the model endpoint with the inline runner, without the meter (measured below), with a stored API key found in the cache, validation, the preparation that the task needs, encoding. Over HTTP: the Node host with worker threads in a process of its own, one kept-alive connection of node:http. Log level: error.',
    ],
  }
}

import type { JobState } from '#shared/batch/job.ts'
import { orderJob } from '#shared/batch/order-job.ts'
import { childrenOf, processUse } from '#test/bench/harness/process-use.ts'
import { openLocalBatch } from './local-batch.ts'

/** What a job on one machine came to, and the most that its two processes held. */
export interface LargeInputTold {
  readonly state: JobState
  readonly results: number
  readonly chunks: number
  readonly hostPeakMB: number
  readonly scoringPeakMB: number
}

const [, , home = '', key = ''] = process.argv
const batch = await openLocalBatch({ size: 1, home })
const object = await batch.services.objects.head(key)
if (!object) throw new Error('The input is not there.')
const ordered = await orderJob(
  {
    ...{ tenant: 'acme', keyId: 'test', project: undefined, parties: [], free: false },
    input: { kind: 'object', object, format: 'auto' },
    model: 'iris',
    parameters: {},
    records: { kind: 'input' },
    output: { format: 'jsonl', join: false },
    identity: [key],
  },
  batch.services,
)
/** The largest of all processes that scored, one after the other. */
let scoringPeakMB = 0
const timer = setInterval(() => {
  try {
    scoringPeakMB = Math.max(scoringPeakMB, processUse(childrenOf(process.pid)).peakMB)
  } catch {
    // One has ended while it was looked at.
  }
}, 50)
const { state, done, chunks } = await batch.finish(ordered)
clearInterval(timer)
const hostPeakMB = processUse([process.pid]).peakMB
const told: LargeInputTold = { state, results: done.results, chunks, hostPeakMB, scoringPeakMB }
await batch.close()
process.stdout.write(`${JSON.stringify(told)}\n`)
process.exit()

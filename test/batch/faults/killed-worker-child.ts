import { createHash, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { auditJob } from '#shared/batch/audit-job.ts'
import type { PublishingServices } from '#shared/batch/publish-job.ts'
import { receiveObject } from '#shared/batch/receive-object.ts'
import { createReconciler } from '#shared/batch/reconcile.ts'
import { createMeter } from '#shared/metering/metered-call.ts'
import { byHand } from '../by-hand.ts'
import { type Around, aroundPort } from '../chaos/around-port.ts'
import { aroundScore } from '../chaos/around-score.ts'
import { createLineScorer } from '../chaos/line-scorer.ts'
import { openLocalBatch } from '../local-batch.ts'

/** Where a worker ends, by its own hand: SIGKILL leaves it no time for anything. */
export interface DeathPoint {
  /** `objects.put` and the like, once the job is planned; `scored`: when a chunk has run. */
  readonly operation: string
  readonly nth: number
  readonly when: 'before' | 'after'
}

export interface KilledWorkerOrders {
  readonly home: string
  /** Without one the job ends. */
  readonly death?: DeathPoint
  /** The clock is so far ahead: leases and messages of the dead are over. */
  readonly aheadMs: number
}

/** The last line that is said; before it comes `ran` for each chunk that was scored. */
export interface WorkerReport {
  readonly state: string | undefined
  readonly chunks: number
  readonly sha256: string
  readonly charge: string
  readonly breaches: number
}

const { home, death, aheadMs } = JSON.parse(process.argv[2] ?? '{}') as KilledWorkerOrders
const trueNow = Date.now
Date.now = () => trueNow() + aheadMs

let isArmed = false
let seen = 0
const around: Around = async (name, operation) => {
  const isHere = isArmed && name === death?.operation && ++seen === death.nth
  if (isHere && death.when === 'before') process.kill(process.pid, 'SIGKILL')
  const outcome = await operation()
  if (isHere) process.kill(process.pid, 'SIGKILL')
  return outcome
}

const chunkSizes = { bytes: () => 20, parquetRows: 1, listBytes: 1 }
const batch = await openLocalBatch({ home, idle: true, chunkSizes })
const services = fatal(batch.services)
const key = 'incoming/acme/iris/in.jsonl'
const lines = Array.from({ length: 12 }, (_, at) => (at % 5 === 3 ? 'nope' : `"text ${at}"`))
await services.objects.put(key, Buffer.from(lines.join('\n')), { ifAbsent: true })
const ordered = await receiveObject(key, services)
await createReconciler(services, { quietMs: 1_000, lookBackMs: 0 })()
const scorer = createLineScorer({ onScored: () => process.stdout.write('ran\n') })
const hands = byHand(
  services,
  aroundScore(scorer, (score) => around('scored', score)),
)
await hands.work('plan')
isArmed = true
await hands.workAll()

const job = await services.jobs.find(ordered?.id ?? '')
const outputs = job && (await batch.output(job, 'results')) + (await batch.output(job, 'errors'))
const report: WorkerReport = {
  state: job?.state,
  chunks: job?.chunks ?? 0,
  sha256: createHash('sha256')
    .update(outputs ?? '')
    .digest('hex'),
  charge: String((await services.ledger.account('acme'))?.spent),
  breaches: job ? (await auditJob(job, batch.services)).length : 0,
}
process.stdout.write(`${JSON.stringify(report)}\n`)
process.exit()

/** Stores at whose operations the process may end; objects come in pieces of a few bytes. */
function fatal(opened: PublishingServices): PublishingServices {
  const ledger = aroundPort('ledger', opened.ledger, around)
  const { prices, queues } = opened
  const read: typeof opened.objects.read = async function* (object, range) {
    for await (const piece of opened.objects.read(object, range)) {
      for (let at = 0; at < piece.length; at += 7) yield piece.subarray(at, at + 7)
    }
  }
  return {
    ...opened,
    objects: aroundPort('objects', { ...opened.objects, read }, around),
    jobs: aroundPort('jobs', opened.jobs, around),
    ledger,
    meter: createMeter({ ledger, prices, newId: randomUUID, sleep, retentionMs: 86_400_000 }),
    queues: {
      plan: queues.plan,
      score: aroundPort('score', queues.score, around),
      publish: aroundPort('publish', queues.publish, around),
    },
  }
}

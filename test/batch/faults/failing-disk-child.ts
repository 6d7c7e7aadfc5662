import { createHash } from 'node:crypto'
import { mkdtempSync, openSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { auditJob } from '#shared/batch/audit-job.ts'
import type { Job } from '#shared/batch/job.ts'
import { hasEnded } from '#shared/batch/job-progress.ts'
import { receiveObject } from '#shared/batch/receive-object.ts'
import { createReconciler } from '#shared/batch/reconcile.ts'
import { byHand } from '../by-hand.ts'
import { type LocalBatch, openLocalBatch } from '../local-batch.ts'

/** What the process is told: jobs on a disk that fails, one after the other. */
export interface FailingDiskOrders {
  /** Everything lies in it. */
  readonly folder: string
  /** Told to whatever lies below. */
  readonly file: string
  readonly errno: number
  /** All writes from the n-th on fail, not it alone. */
  readonly on: boolean
  /** The first n, and how much it grows. */
  readonly first: number
  readonly step: number
}

/** What became of the job whose n-th write failed. */
export interface FailedWrite {
  readonly n: number
  /** Fewer than n: none has failed. */
  readonly writes: number
  /** The state while the disk failed; `undefined` where it did not even begin. */
  readonly before: string | undefined
  readonly state: string
  readonly sha256: string
  readonly charge: string
  readonly breaches: readonly string[]
}

const orders = JSON.parse(process.argv[2] ?? '{}') as FailingDiskOrders
const control = openSync(orders.file, 'r+')
const tell = (at: number, on: boolean) =>
  writeSync(control, Int32Array.of(at, on ? 1 : 0, orders.errno, 0), 0, undefined, 0)
function countWrites(): number {
  const told = new Int32Array(4)
  readSync(control, told, 0, 16, 0)
  return told[3] ?? 0
}

const key = 'incoming/acme/iris/in.jsonl'
const input = Buffer.from('"one"\nnope\n"three"\n\n"four"\n5\n')
let aheadMs = 0
const trueNow = Date.now
// Leases and messages of attempts that the disk has ended are over for the next one.
Date.now = () => trueNow() + aheadMs

async function work({ services }: LocalBatch): Promise<Job | undefined> {
  await services.objects.put(key, input, { ifAbsent: true })
  await receiveObject(key, services)
  await createReconciler(services, { quietMs: 1_000, lookBackMs: 0 })()
  await byHand(services).workAll()
  return (await services.jobs.list({ tenant: 'acme', limit: 2 })).jobs[0]
}

/** Tries some times, and opens the stores anew each time, as a process does that is started again. */
async function attempt(home: string, times: number): Promise<Job | undefined> {
  let job: Job | undefined
  for (let tries = 0; tries < times && !(job && hasEnded(job)); tries += 1) {
    aheadMs += 120_000
    const batch = await open(home).catch(() => undefined)
    job = (batch && (await work(batch).catch(() => undefined))) ?? job
    await batch?.leave().catch(() => undefined)
  }
  return job
}

async function open(home: string) {
  const chunkSizes = { bytes: () => 12, parquetRows: 1, listBytes: 1 }
  const batch = await openLocalBatch({ home, idle: true, chunkSizes })
  const { services } = batch
  const stores = [services.objects, services.jobs, ...Object.values(services.queues)]
  return {
    ...batch,
    leave: async () => {
      for (const store of [...stores, services.ledger]) await store.close()
    },
  }
}

for (let n = orders.first; ; n += orders.step) {
  const home = mkdtempSync(join(orders.folder, 'home-'))
  tell(n, orders.on)
  // Once: the process gets over it. For good: nothing can end until there is room again.
  const before = await attempt(home, orders.on ? 1 : 3)
  const writes = countWrites()
  tell(0, false)
  const ended = await attempt(home, 3)
  const batch = await open(home)
  const outputs = ended ? await outputsOf(ended, batch) : ''
  const breaches = ended ? await auditJob(ended, batch.services) : []
  const report: FailedWrite = {
    n,
    writes,
    before: before?.state,
    state: ended?.state ?? 'none',
    sha256: createHash('sha256').update(outputs).digest('hex'),
    charge: String((await batch.services.ledger.account('acme'))?.spent),
    breaches: breaches.map(({ rule, detail }) => `${rule}: ${detail}`),
  }
  await batch.close()
  process.stdout.write(`${JSON.stringify(report)}\n`)
  if (writes < n) break
}

async function outputsOf(job: Job, batch: LocalBatch): Promise<string> {
  return (await batch.output(job, 'results')) + (await batch.output(job, 'errors'))
}

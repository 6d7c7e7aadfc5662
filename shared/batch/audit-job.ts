import { createHash, type Hash } from 'node:crypto'
import type { EntryPage, LedgerEntry } from '#shared/metering/ledger.ts'
import type { Micros } from '#shared/metering/money.ts'
import { auditManifest } from './audit-manifest.ts'
import { chunkKey } from './chunk-key.ts'
import { refundKey } from './fail-job.ts'
import { unpack } from './formats/unpack.ts'
import { type Job, type JobOutput, maxChargeOf } from './job.ts'
import type { ChunkRange } from './plan.ts'
import type { PublishingServices } from './publish-job.ts'
import { readPlan } from './read-plan.ts'
import { reportsOf } from './send-chunks.ts'

/** What a job promises, each rule by the name under which a breach is reported. */
export type AuditRule =
  /** Each output is there, with the size and digest that the manifest says. */
  | 'output-intact'
  /** Every record of what was scored is in results or errors, once, and in order. */
  | 'records-complete'
  /** Every chunk that was scored is charged once, for its results; no other is, and none of a job that failed. */
  | 'charges-match'
  /** What was spent is within what was allowed. */
  | 'within-cap'
  /** Chunks cover the input, without gap or overlap, and the manifest names what is not in the outputs. */
  | 'input-covered'

export interface AuditBreach {
  readonly rule: AuditRule
  readonly detail: string
}

/** Checks a job that has ended by its stored objects, tables and ledger entries alone. */
export async function auditJob(job: Job, services: PublishingServices): Promise<AuditBreach[]> {
  return [
    ...(await auditOutputs(job, services)),
    ...(await auditCharges(job, services)),
    ...(await auditCoverage(job, services)),
  ]
}

async function auditOutputs(job: Job, services: PublishingServices): Promise<AuditBreach[]> {
  const { objects } = services
  const breaches: AuditBreach[] = []
  const seen = new Set<number>()
  const ranges: ChunkRange[] = []
  let duplicates = 0
  for (const output of job.outputs) {
    let last = 0
    let disordered = false
    const found = await readLines(output, objects, (line) => {
      if (output.name === 'manifest' || !/\.jsonl(\.gz|\.zst)?$/.test(output.key)) return
      const { record, range } = readLine(line)
      if (range) ranges.push(range)
      if (seen.has(record)) duplicates += 1
      seen.add(record)
      disordered ||= record <= last
      last = record
    })
    if (found !== output.sha256) {
      breaches.push({ rule: 'output-intact', detail: `${output.key} is not what was published.` })
    }
    if (disordered) {
      breaches.push({ rule: 'records-complete', detail: `${output.key} is out of order.` })
    }
  }
  const records = await recordsOf(job, objects)
  const isLines = job.order.output.format === 'jsonl'
  if (duplicates > 0 || (isLines && seen.size !== records)) {
    breaches.push({
      rule: 'records-complete',
      detail: `${seen.size} records are in the outputs, ${duplicates} of them twice; ${records} should be.`,
    })
  }
  return [...breaches, ...(await auditManifest(job, ranges, services))]
}

/** How many records the outputs tell of: what was scored; of expired calls, all. */
async function recordsOf(job: Job, objects: PublishingServices['objects']): Promise<number> {
  const { done, order, state, chunks } = job
  if (state === 'failed') return 0
  const isWhole = state === 'expired' && order.records.kind === 'call' && chunks > 0
  const planned = isWhole ? (await readPlan(job.id, objects)).records : undefined
  return planned ?? done.results + done.errors
}

/** The number of a line's record; of a call it is the end of the line's id. Some errors stand for a range. */
function readLine(line: string): { record: number; range?: ChunkRange } {
  const { record, id, offset, end } = JSON.parse(line) as Partial<Record<string, number>> & {
    readonly id?: string
  }
  const isRange = offset !== undefined && end !== undefined
  return {
    record: record ?? Number(id?.split('_').at(-1)),
    ...(isRange && { range: { start: offset, end } }),
  }
}

/** The digest of an output, or `undefined` where it is gone. */
async function readLines(
  { key }: JobOutput,
  objects: PublishingServices['objects'],
  onLine: (line: string) => void,
): Promise<string | undefined> {
  const object = await objects.head(key)
  if (!object) return undefined
  const digest = createHash('sha256')
  let rest = Buffer.alloc(0)
  const stored = digested(objects.read(object), digest)
  const compression = key.endsWith('.gz') ? 'gzip' : key.endsWith('.zst') ? 'zstd' : undefined
  // What percall packed itself is no bomb, however alike its lines are.
  const limits = { packedBytes: object.sizeBytes, maxRatio: 100_000 }
  const text = compression ? unpack(stored, { compression, ...limits }) : stored
  for await (const piece of text) {
    const bytes = Buffer.concat([rest, piece])
    let start = 0
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
      onLine(bytes.toString('utf8', start, end))
      start = end + 1
    }
    rest = bytes.subarray(start)
  }
  return digest.digest('hex')
}

async function* digested(
  bytes: AsyncIterable<Uint8Array>,
  digest: Hash,
): AsyncGenerator<Uint8Array> {
  for await (const piece of bytes) {
    digest.update(piece)
    yield piece
  }
}

async function auditCharges(
  job: Job,
  { jobs, ledger }: PublishingServices,
): Promise<AuditBreach[]> {
  const breaches: AuditBreach[] = []
  const { tenant } = job.order
  const maxCharge = maxChargeOf(job)
  let charged = 0n
  let sold = 0
  const reported = new Map<number, string>()
  for await (const { chunk, charge } of reportsOf(job.id, jobs)) reported.set(chunk, charge)
  for (let chunk = 0; chunk < job.chunks; chunk += 1) {
    const entry = await ledger.entry(tenant, chunkKey(job.id, chunk))
    if (String(entry?.amount) !== String(reported.get(chunk))) {
      breaches.push({
        rule: 'charges-match',
        detail: `Chunk ${chunk} is charged ${entry?.amount}, and reported ${reported.get(chunk)}.`,
      })
    }
    charged += entry?.amount ?? 0n
    if (job.state === 'failed') breaches.push(...(await auditRefund(job, entry, chunk, ledger)))
    sold += entry?.units.calls ?? 0
  }
  if (sold !== job.done.results || charged !== job.done.charge) {
    breaches.push({
      rule: 'charges-match',
      detail: `${sold} records are charged (${charged}); ${job.done.results} are results (${job.done.charge}).`,
    })
  }
  if (maxCharge !== undefined && charged > maxCharge) {
    breaches.push({ rule: 'within-cap', detail: `${charged} of at most ${maxCharge} was spent.` })
  }
  return breaches
}

/** What was charged for results that nobody will see was given back, by whoever did it. */
async function auditRefund(
  { id, order }: Job,
  charge: LedgerEntry | undefined,
  chunk: number,
  ledger: PublishingServices['ledger'],
): Promise<AuditBreach[]> {
  if (!charge || charge.amount === 0n) return []
  const refund = await ledger.entry(order.tenant, refundKey(id, chunk))
  if (refund?.reference === charge.id && refund.amount === charge.amount) return []
  const refunded = await refundedOf(charge, ledger)
  if (refunded === charge.amount) return []
  const detail = `Chunk ${chunk} is charged ${charge.amount}, and refunded ${refunded}.`
  return [{ rule: 'charges-match', detail }]
}

/** All that was given back of a charge: people do it by entries of other ids. */
async function refundedOf(
  { tenant, id, at: from }: LedgerEntry,
  ledger: PublishingServices['ledger'],
): Promise<Micros> {
  let refunded = 0n
  let after: EntryPage['next']
  do {
    const page = await ledger.entries({ tenant, from, types: ['refund'], after, limit: 500 })
    for (const { reference, amount } of page.entries) if (reference === id) refunded += amount
    after = page.next
  } while (after)
  return refunded
}

async function auditCoverage(job: Job, { objects }: PublishingServices): Promise<AuditBreach[]> {
  // The plan of a job that failed may be what was lost.
  if (job.chunks === 0 || job.state === 'failed') return []
  const { chunks, source } = await readPlan(job.id, objects)
  const breach = (detail: string): AuditBreach[] => [{ rule: 'input-covered', detail }]
  if (chunks.length !== job.chunks) {
    return breach(`The plan has ${chunks.length} chunks, the job ${job.chunks}.`)
  }
  const gap = chunks.findIndex(({ start }, at) => start !== (chunks[at - 1]?.end ?? 0))
  if (gap >= 0) return breach(`Chunk ${gap} does not begin where the last one ends.`)
  // How many rows a Parquet file has stands in its footer, which may be gone by now.
  const isWhole = source.format === 'parquet' || chunks.at(-1)?.end === source.object.sizeBytes
  return isWhole ? [] : breach('The last chunk does not end where the input does.')
}

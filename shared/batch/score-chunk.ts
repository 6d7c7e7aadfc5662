import { createHash } from 'node:crypto'
import type { ErrorCode } from '#shared/errors/error-codes.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { PaidCall, Ticket } from '#shared/metering/metered-call.ts'
import type { Handled, ScoringServices } from './batch-services.ts'
import type { ChunkReport, ScoredChunk } from './chunk.ts'
import { chunkKey } from './chunk-key.ts'
import { type GoneChunk, goneChunk } from './gone-chunk.ts'
import { isGone } from './is-gone.ts'
import { type Job, maxChargeOf } from './job.ts'
import { findEntry } from './job-model.ts'
import { restFrom } from './job-rest.ts'
import { type ChunkMessage, toMessage } from './messages.ts'
import { places } from './places.ts'
import type { Plan } from './plan.ts'
import { pressureOf } from './pressure-of.ts'
import { rangeOf, readPlan } from './read-plan.ts'
import { reportFrom, type StoredReport } from './report-from.ts'
import type { OpenChunk } from './scorer.ts'

/** With the bytes of the input that it stands for. */
type OpenedChunk = OpenChunk & { readonly bytes: number }

/** For how long an attempt that is not heard of is presumed alive. */
const heartbeatMs = 25_000

/** After so many attempts an error is no passing one: the job waits for a person. */
const attemptsBeforePause = 4

/** Refusals that end when somebody pays, raises a cap or waits for a new day. */
const capCodes: ReadonlySet<ErrorCode> = new Set([
  'account_missing',
  'credit_exhausted',
  'spend_cap_reached',
  'quota_exceeded',
])

/** May be tried again, and yet will not get better by itself. */
const lastingCodes: ReadonlySet<ErrorCode> = new Set(['internal', 'artifact_access_denied'])

/**
 * Scores one chunk: read, reserve, run, store the part, settle. Its request in the ledger is the
 * chunk's state, so the charge and the fact that it is done are one transaction. Whoever comes
 * again, or too late, finds it done and only tells the job store.
 *
 * @param receives how often the message was delivered
 */
export async function scoreChunk(
  { job: jobId, chunk }: ChunkMessage,
  receives: number,
  services: ScoringServices,
): Promise<Handled> {
  const job = await services.jobs.find(jobId)
  if (job?.state !== 'scoring') return 'done'
  try {
    if (!(await services.mayBegin(job.order))) throw new ServiceError('api_key_revoked')
    const report = await reportOf(job, chunk, services)
    if (!report) return 'done'
    await finishChunk(job, report, services)
    return 'done'
  } catch (thrown) {
    return handleFailure(job, ServiceError.from(thrown), receives, services)
  }
}

/** Tells the job store; whoever tells of the last chunk has the job published. */
export async function finishChunk(
  job: Job,
  report: ChunkReport,
  { jobs, queues }: Pick<ScoringServices, 'jobs' | 'queues'>,
): Promise<void> {
  const { done, chunks } = await jobs.finishChunk(job.id, report)
  if (done.chunks === chunks) await queues.publish.send([toMessage(job)])
}

/** What became of the chunk; `undefined` where the job was stopped before it began. */
async function reportOf(
  job: Job,
  chunk: number,
  services: ScoringServices,
): Promise<ChunkReport | undefined> {
  const plan = await readPlan(job.id, services.objects)
  const opened = await openChunk(job, plan, chunk, services)
  try {
    const begun = await services.meter.begin(paidCall(job, plan, chunk, opened))
    if (begun.kind === 'answered') return reportFrom(begun)
    return await sell(job, chunk, opened, begun, services)
  } finally {
    await opened.close()
  }
}

async function sell(
  job: Job,
  chunk: number,
  opened: OpenedChunk,
  ticket: Ticket,
  { objects, jobs, cpuClass }: ScoringServices,
): Promise<ChunkReport | undefined> {
  const beating = keepAlive(ticket)
  try {
    // Between the first look and the hold the job may have been stopped, and who stops it may have
    // looked in between: work that begins now would be missed.
    if ((await jobs.find(job.id))?.state !== 'scoring') {
      await ticket.release('job-stopped')
      return undefined
    }
    const { part, units, ...counts } = await opened.score()
    // Its process is free for the next chunk while this one is put away.
    await opened.close()
    const sha256 = createHash('sha256').update(part).digest('hex')
    const key = places.part(job.id, chunk, sha256)
    await objects.put(key, part, { ifAbsent: true })
    const report: StoredReport = {
      chunk,
      ...counts,
      bytes: opened.bytes,
      cpuClass,
      part: { key, sizeBytes: part.length, sha256 },
    }
    const answer = { status: 200, headers: {}, body: Buffer.from(JSON.stringify(report)) }
    return reportFrom(await ticket.settle(answer, units))
  } catch (thrown) {
    await ticket.release(ServiceError.from(thrown).code)
    throw thrown
  } finally {
    clearInterval(beating)
  }
}

/** What fails here shows when the chunk is settled. */
function keepAlive(ticket: Ticket): NodeJS.Timeout {
  return setInterval(() => void ticket.renew().catch(() => undefined), heartbeatMs / 2).unref()
}

function paidCall(job: Job, plan: Plan, chunk: number, opened: OpenChunk): PaidCall {
  const { order } = job
  const maxCharge = maxChargeOf(job)
  const isCapped = maxCharge !== undefined
  const cap = { scope: 'job', id: job.id, limits: {}, total: maxCharge } as const
  return {
    tenant: order.tenant,
    keyId: order.keyId,
    project: order.project,
    parties: [...order.parties, ...(isCapped ? [cap] : [])],
    free: order.free,
    requestKey: chunkKey(job.id, chunk),
    fingerprint: createHash('sha256')
      .update(JSON.stringify([plan.source.object.version, plan.chunks[chunk]]))
      .digest('hex'),
    keyed: true,
    retry: undefined,
    model: order.model,
    modelDigest: order.modelDigest,
    priceName: '',
    priceId: order.priceId,
    units: opened.units,
    timeoutMs: heartbeatMs,
  }
}

/** A chunk whose input is gone is told of as far as anything is known of it. */
async function openChunk(
  job: Job,
  plan: Plan,
  chunk: number,
  { objects, catalog, scorer }: ScoringServices,
): Promise<OpenedChunk> {
  const range = rangeOf(plan, chunk)
  const { source } = plan
  const bytes = range.end - range.start
  try {
    const opened = await scorer.open({
      entry: findEntry(job.order, catalog),
      source,
      range,
      read: objects.read,
      parameters: job.order.parameters,
      records: job.order.records,
      join: job.order.output.join,
    })
    return Object.assign(opened, { bytes })
  } catch (thrown) {
    if (!isGone(thrown)) throw thrown
    return { ...openGone(goneChunk(plan, chunk)), bytes }
  }
}

function openGone({ part, records, lines, unread }: GoneChunk): OpenChunk {
  const counts = { results: 0, errors: records, lines, ...(unread && { unread }) }
  const scored: ScoredChunk = { part, ...counts, units: {} }
  return { units: {}, score: async () => scored, close: async () => undefined }
}

/** Nothing is lost: a chunk that could not be done is delivered again, or waits until it can be. */
async function handleFailure(
  job: Job,
  error: ServiceError,
  receives: number,
  { jobs, now }: ScoringServices,
): Promise<Handled> {
  const { code, retryable, retryAfterSeconds, message } = error
  const isPassing = retryable && !lastingCodes.has(code)
  const mustWait = capCodes.has(code) || code === 'api_key_revoked'
  if (mustWait || (!isPassing && receives >= attemptsBeforePause)) {
    // Somebody may have raised the cap since this attempt read it.
    const current = await jobs.find(job.id)
    if (current?.raisedCharge !== job.raisedCharge) return { againAfterMs: 0 }
    const problems = [{ code, message }]
    const at = now()
    const rest = restFrom(current ?? job, at)
    await jobs.change(job.id, ['scoring'], { state: 'paused', problems, rest, at })
    return 'done'
  }
  const backoffMs = Math.min(30_000, 100 * 2 ** Math.min(receives, 10))
  // Ever longer also where the refusal names a time: others may be in front again and again.
  const againAfterMs = Math.max(backoffMs, (retryAfterSeconds ?? 0) * 1_000)
  return { againAfterMs, pressure: pressureOf(code) }
}

import { createHash, type Hash } from 'node:crypto'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { Ledger } from '#shared/metering/ledger.ts'
import type { BatchServices, Handled } from './batch-services.ts'
import { countChunk } from './count-chunk.ts'
import { encodeOutput } from './encode-output.ts'
import { expiredCalls } from './expired-calls.ts'
import type { OutputTableOptions } from './formats/output-table.ts'
import type { Job, JobOutput, JobState } from './job.ts'
import { toMessage } from './messages.ts'
import { describeOutputs } from './output-files.ts'
import { readParts } from './read-parts.ts'
import { readPlan } from './read-plan.ts'
import { type OutputName, outputLine } from './result-rows.ts'
import { reportsOf } from './send-chunks.ts'
import { settleRunning } from './settle-running.ts'
import { writeManifest } from './write-manifest.ts'

/** What a state becomes when its outputs are out. */
const ends: Readonly<Partial<Record<JobState, JobState>>> = {
  scoring: 'published',
  // Chunks that ran when it was paused were the last ones.
  paused: 'published',
  publishing: 'published',
  cancelling: 'cancelled',
  expiring: 'expired',
}

export interface PublishingServices extends BatchServices {
  readonly ledger: Ledger
}

/**
 * Puts the parts together: results, errors, and last the manifest, which says that they are whole.
 * Two who publish at once write the same bytes, and the first is kept; who dies in between is
 * followed by another, who finds what is there.
 */
export async function publishJob(jobId: string, services: PublishingServices): Promise<Handled> {
  const { jobs, now } = services
  const job = await jobs.find(jobId)
  const end = job && ends[job.state]
  if (!job || !end) return 'done'
  if (job.state === 'scoring' || job.state === 'paused') {
    if (job.done.chunks < job.chunks) return 'done'
    await jobs.change(jobId, [job.state], { state: 'publishing', at: now() })
    return publishJob(jobId, services)
  }
  // Of a stopped job chunks may still be running: what they come to belongs to the job.
  if (job.state !== 'publishing' && !(await settleRunning(job, services))) {
    // A message of its own, since a queue gives up on one that comes again and again.
    await services.queues.publish.send([{ ...toMessage(job), delayMs: 1_000 }])
    return 'done'
  }
  const whole = (await jobs.find(jobId)) ?? job
  const results = await writeOutput(whole, 'results', services)
  const errors = await writeOutput(whole, 'errors', services)
  const outputs = [results, errors].filter((output) => output !== undefined)
  const manifest = await writeManifest(whole, outputs, services)
  await describeOutputs(whole, outputs, services.objects)
  const change = { state: end, outputs: [...outputs, manifest], at: now() }
  await jobs.change(jobId, [job.state], change)
  return 'done'
}

/** An empty file of results is written, too: a job without records has published outputs. */
async function writeOutput(
  job: Job,
  name: OutputName,
  { objects, jobs }: BatchServices,
): Promise<JobOutput | undefined> {
  const isCall = job.order.records.kind === 'call'
  const tellsOfRest = isCall && name === 'errors' && isCutOff(job)
  const lines = name === 'results' ? job.done.results : job.done.errors
  if (lines === 0 && !tellsOfRest && (isCall || name === 'errors')) return undefined
  const format = name === 'results' ? job.order.output.format : 'jsonl'
  const key = `${job.order.output.prefix}${name}.${format}`
  const digest = createHash('sha256')
  const parts = readParts(
    reportsOf(job.id, jobs),
    objects,
    (chunk) => (tellsOfRest ? expiredCalls : countChunk)(job.id, chunk, objects),
    tellsOfRest ? job.chunks : 0,
  )
  const bytes = encodeOutput(linesOf(parts, job, name), format, await tableOf(job, name, objects))
  const size = { bytes: 0 }
  const outcome = await objects.write(key, counted(bytes, digest, size), { ifAbsent: true })
  if (outcome.kind === 'exists') return describe(name, key, objects)
  return { name, key, sizeBytes: size.bytes, sha256: digest.digest('hex') }
}

/** Whether its time was over before all of it was scored. */
const isCutOff = ({ state, done, chunks }: Job): boolean =>
  (state === 'expiring' || state === 'expired') && done.chunks < chunks

/** An output that another finaliser of this very job has written before. */
async function describe(
  name: OutputName,
  key: string,
  objects: BatchServices['objects'],
): Promise<JobOutput> {
  const object = await objects.head(key)
  if (!object) throw new ServiceError('object_gone', { detail: 'An output was deleted.' })
  const digest = createHash('sha256')
  for await (const piece of objects.read(object)) digest.update(piece)
  return { name, key, sizeBytes: object.sizeBytes, sha256: digest.digest('hex') }
}

/** What CSV and Parquet have for columns. */
async function tableOf(
  job: Job,
  name: OutputName,
  objects: BatchServices['objects'],
): Promise<OutputTableOptions> {
  if (name === 'errors') return { kind: 'errors' }
  if (job.order.records.kind === 'call') return { kind: 'calls' }
  if (!job.order.output.join || job.chunks === 0) return { kind: 'results' }
  const { source } = await readPlan(job.id, objects)
  const columns = source.format === 'csv' ? source.columns : undefined
  return { kind: 'results', join: { columns } }
}

async function* linesOf(
  parts: ReturnType<typeof readParts>,
  job: Job,
  name: OutputName,
): AsyncGenerator<Buffer[]> {
  for await (const part of parts) {
    yield part.map((line) => outputLine(line, job, name)).filter((line) => line !== undefined)
  }
}

async function* counted(
  pieces: AsyncIterable<Uint8Array>,
  digest: Hash,
  size: { bytes: number },
): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) {
    digest.update(piece)
    size.bytes += piece.length
    yield piece
  }
}

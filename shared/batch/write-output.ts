import { createHash } from 'node:crypto'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { BatchServices } from './batch-services.ts'
import { countChunk } from './count-chunk.ts'
import { type EncoderState, type EncodingOptions, openEncoder } from './encode-output.ts'
import { expiredCalls } from './expired-calls.ts'
import type { OutputTableOptions } from './formats/output-table.ts'
import { packedSuffix } from './formats/pack-frames.ts'
import type { Job, JobOrder, JobOutput } from './job.ts'
import { places } from './places.ts'
import { type PartsPlace, readParts } from './read-parts.ts'
import { readPlan } from './read-plan.ts'
import type { OutputName } from './result-rows.ts'
import { reportsOf } from './send-chunks.ts'
import { type Step, writeInSteps } from './write-in-steps.ts'

/** Always lines, so that they can be looked at as they are. */
const errorFormat: Pick<JobOrder['output'], 'format' | 'compression'> = { format: 'jsonl' }

/**
 * Puts the parts of a job together to one of its files, in as many runs as it takes. An empty file of
 * results is written, too: a job without records has published outputs.
 *
 * @returns `undefined` where there is none, `unfinished` where the time of this run is over
 */
export async function writeOutput(
  job: Job,
  name: OutputName,
  services: BatchServices,
): Promise<JobOutput | 'unfinished' | undefined> {
  const { objects, now, until } = services
  const isCall = job.order.records.kind === 'call'
  const lines = name === 'results' ? job.done.results : job.done.errors
  if (lines === 0 && !tellsOfRest(job, name) && (isCall || name === 'errors')) return undefined
  const { prefix } = job.order.output
  const { format, compression } = name === 'results' ? job.order.output : errorFormat
  const key = `${prefix}${name}.${format}${compression ? packedSuffix[compression] : ''}`
  const table = await tableOf(job, name, objects)
  const written = await writeInSteps<OutputState>({
    key,
    progressKey: places.progress(job.id, name),
    objects,
    now,
    until,
    steps: (from) => outputSteps({ job, name, table, format, compression }, services, from),
  })
  if (written.kind === 'unfinished') return 'unfinished'
  if (written.kind === 'exists') return describe(name, key, objects)
  return { name, key, sizeBytes: written.sizeBytes, sha256: written.sha256 }
}

interface OutputState {
  readonly place: PartsPlace
  readonly encoder: EncoderState
}

async function* outputSteps(
  options: EncodingOptions,
  { objects, jobs }: BatchServices,
  from: OutputState | undefined,
): AsyncGenerator<Step<OutputState>> {
  const { job, name } = options
  const encoder = await openEncoder(options, from?.encoder)
  const tellsAll = tellsOfRest(job, name)
  const isCall = job.order.records.kind === 'call'
  const parts = readParts({
    reports: reportsOf(job.id, jobs, from?.place.chunk),
    objects,
    unscored: (chunk) => (tellsAll ? expiredCalls : countChunk)(job.id, chunk, objects),
    chunks: tellsAll ? job.chunks : 0,
    from: from?.place,
    // What an answer to a call is, only its line says.
    isWanted: (report) => isCall || report[name] > 0,
  })
  for await (const part of parts) {
    const blocks = await encoder.add(part)
    yield { blocks, state: () => ({ place: part.next, encoder: encoder.state() }) }
  }
  yield { blocks: await encoder.end() }
}

/** Whether a file of errors has all calls for which there was no time. */
function tellsOfRest({ order, state, done, chunks }: Job, name: OutputName): boolean {
  const isCutOff = (state === 'expiring' || state === 'expired') && done.chunks < chunks
  return isCutOff && order.records.kind === 'call' && name === 'errors'
}

/** An output that another finaliser of this very job has written before. */
async function describe(
  name: OutputName,
  key: string,
  objects: BatchServices['objects'],
): Promise<JobOutput> {
  const object = await objects.head(key)
  if (!object) throw new ServiceError('object_gone', { detail: 'An output was deleted.' })
  const digest = createHash('sha256')
  for await (const piece of objects.read(object, undefined, { lent: true })) digest.update(piece)
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

import { ServiceError } from '#shared/errors/service-error.ts'
import { modelKey } from '#shared/inference/model.ts'
import type { Micros } from '#shared/metering/money.ts'
import { type Price, priceOf } from '#shared/metering/price-book.ts'
import { batchPrice } from './batch-price.ts'
import type { BatchServices } from './batch-services.ts'
import { headOf } from './find-source.ts'
import { countRecords } from './formats/count-records.ts'
import { compressionOf, detectFormat } from './formats/detect-format.ts'
import { estimateRows } from './formats/estimate-rows.ts'
import { unpack } from './formats/unpack.ts'
import { listAll } from './list-all.ts'
import type { StoredObject } from './object-store.ts'
import type { JobRequest } from './order-job.ts'
import type { PlanSource } from './plan.ts'
import { readAll } from './read-all.ts'

/** What a job would come to, as a range; the two ends are one where records were counted. */
export interface JobEstimate {
  readonly model: string
  readonly priceId: string
  readonly currency: string
  readonly format: string
  readonly records: Range<number>
  readonly price: Range<Micros>
  /** At the pace at which this tenant's last job of the model went; absent where there was none. */
  readonly seconds: Range<number> | undefined
}

interface Range<Value> {
  readonly low: Value
  readonly high: Value
}

const sampleBytes = 262_144

/**
 * What it would cost, before anything is ordered: from samples of the start, the middle and the end,
 * or with `exact` from a count of all records, whose price is the upper bound of the charge.
 *
 * @throws ServiceError `batch_input_invalid`, `model_not_found`, `object_gone`
 */
export async function estimateJob(
  request: JobRequest,
  services: BatchServices,
  { exact = false }: { exact?: boolean } = {},
): Promise<JobEstimate> {
  const { catalog, prices, now, objects } = services
  const [name = '', version] = request.model.split('@')
  const entry = catalog.find(name, version)
  const price = batchPrice(prices, entry.manifest.price, now())
  const { format, records } = await countOf(request, objects, exact)
  const pace = await lastPace(request.tenant, modelKey(entry), services)
  return {
    model: modelKey(entry),
    priceId: price.id,
    currency: price.currency,
    format,
    records,
    price: { low: priceOfRecords(price, records.low), high: priceOfRecords(price, records.high) },
    seconds:
      pace === undefined
        ? undefined
        : { low: Math.ceil(records.low / pace), high: Math.ceil(records.high / pace) },
  }
}

const priceOfRecords = (price: Price, records: number): Micros =>
  priceOf(price, { calls: records, rows: records })

async function countOf(
  { input }: JobRequest,
  objects: BatchServices['objects'],
  exact: boolean,
): Promise<{ format: string; records: Range<number> }> {
  if (input.kind === 'prefix') {
    const listed = await countListed(input.prefix, objects)
    return { format: 'objects', records: { low: listed, high: listed } }
  }
  const { object, format: declared } = input
  const compression = compressionOf(await headOf(object, objects))
  if (compression) {
    if (exact) throw packedUncounted()
    const packed = objects.read(object)
    const head = await readHead(unpack(packed, { compression, packedBytes: object.sizeBytes }))
    const { format } = detectFormat({
      head,
      sizeBytes: Number.POSITIVE_INFINITY,
      key: object.key,
      declared,
    })
    // Text packs three to thirty times smaller.
    const { low, high } = estimateRows([head], object.sizeBytes)
    return { format, records: { low: low * 3, high: high * 30 } }
  }
  const head = await headOf(object, objects)
  const detected = detectFormat({ head, sizeBytes: object.sizeBytes, key: object.key, declared })
  const source: PlanSource = { ...detected, object }
  if (exact || source.format === 'parquet') {
    const counted = await countRecords(source, objects.read)
    return { format: source.format, records: { low: counted, high: counted } }
  }
  const records = estimateRows(await samplesOf(object, objects), object.sizeBytes)
  return { format: source.format, records }
}

function samplesOf(object: StoredObject, objects: BatchServices['objects']): Promise<Buffer[]> {
  const { sizeBytes } = object
  const starts = [0, Math.floor(sizeBytes / 2), Math.max(0, sizeBytes - sampleBytes)]
  return Promise.all(
    starts.map((start) => {
      const end = Math.min(sizeBytes, start + sampleBytes)
      return start < end ? readAll(objects.read(object, { start, end })) : Buffer.alloc(0)
    }),
  )
}

async function readHead(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  let size = 0
  for await (const piece of bytes) {
    pieces.push(piece)
    size += piece.length
    if (size >= sampleBytes) break
  }
  return Buffer.concat(pieces)
}

async function countListed(prefix: string, objects: BatchServices['objects']): Promise<number> {
  let count = 0
  for await (const page of listAll(prefix, objects)) count += page.length
  return count
}

/** What a shorter job took was spent on its beginning. */
const tellingRecords = 1_000

/** Records a second of the tenant's last finished job of this model. */
async function lastPace(
  tenant: string,
  model: string,
  { jobs }: BatchServices,
): Promise<number | undefined> {
  const page = await jobs.list({ tenant, limit: 20 })
  const last = page.jobs.find(
    ({ order, state, done }) =>
      order.model === model && state === 'published' && done.results >= tellingRecords,
  )
  const { scoring, publishing } = last?.times ?? {}
  if (!last || scoring === undefined || publishing === undefined) return undefined
  const records = last.done.results + last.done.errors
  return records === 0 ? undefined : (records * 1_000) / Math.max(1, publishing - scoring)
}

const packedUncounted = () =>
  new ServiceError('parameter_invalid', {
    detail: 'A packed file cannot be counted before it is unpacked.',
    fix: 'Ask without "exact", or send the file unpacked.',
  })

import { createHash } from 'node:crypto'
import type { BatchServices } from './batch-services.ts'
import { packedBy } from './formats/pack-frames.ts'
import type { Job, JobOrder, JobOutput } from './job.ts'
import { readPlan } from './read-plan.ts'
import { reportsOf } from './send-chunks.ts'

/** Where it is: outputs that lie beside it are whole. */
export const manifestKey = ({ output }: Pick<JobOrder, 'output'>): string =>
  `${output.prefix}_SUCCESS`

/**
 * Says that the outputs are whole, and what they are: readers trust it alone. Nothing in it depends
 * on who wrote it or when.
 */
export async function writeManifest(
  job: Job,
  outputs: readonly JobOutput[],
  { objects, jobs }: BatchServices,
): Promise<JobOutput> {
  const { order, done } = job
  const cpuClasses = new Set<string>()
  const missing: number[] = []
  const unread: number[] = []
  let next = 0
  for await (const { chunk, cpuClass, unread: isUnread } of reportsOf(job.id, jobs)) {
    cpuClasses.add(cpuClass)
    if (isUnread) unread.push(chunk)
    while (next < chunk) missing.push(next++)
    next = chunk + 1
  }
  while (next < job.chunks) missing.push(next++)
  const plan = job.chunks > 0 ? await readPlan(job.id, objects) : undefined
  const manifest = {
    job: job.id,
    model: order.model,
    model_digest: order.modelDigest,
    price: order.priceId,
    input: order.input,
    parameters: order.parameters,
    records: done.results + done.errors,
    results: done.results,
    errors: done.errors,
    charge_micros: String(done.charge),
    /** More than one: the outputs may differ in the last digit from those of another run. */
    cpu_classes: [...cpuClasses].sort(),
    compression: order.output.compression && packedBy(order.output.compression),
    outputs: outputs.map(({ name, key, sizeBytes, sha256 }) => ({
      name,
      key,
      size_bytes: sizeBytes,
      sha256,
    })),
    /** Of a stopped job: what was not scored. */
    not_scored: missing.map((chunk) => plan?.chunks[chunk]),
    /** Gone before they were read, and how many records they held is unknown: each range is one error. */
    not_read: unread.map((chunk) => plan?.chunks[chunk]),
  }
  const bytes = Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`)
  const key = manifestKey(order)
  await objects.put(key, bytes, { ifAbsent: true })
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  return { name: 'manifest', key, sizeBytes: bytes.length, sha256 }
}

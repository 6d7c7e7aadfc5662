import { createHash } from 'node:crypto'
import { ServiceError } from '#shared/errors/service-error.ts'
import { modelKey } from '#shared/inference/model.ts'
import { batchPrice } from './batch-price.ts'
import type { BatchServices } from './batch-services.ts'
import type { Job, JobOrder } from './job.ts'
import { toMessage } from './messages.ts'
import { places } from './places.ts'
import { objectKey } from './stores/object-key.ts'

/** What a caller says; the rest of the order follows from it. */
export interface JobRequest
  extends Pick<
    JobOrder,
    'tenant' | 'keyId' | 'project' | 'parties' | 'free' | 'input' | 'parameters' | 'records'
  > {
  /** As it was named: `spam`, `spam@stable`. */
  readonly model: string
  readonly output: Pick<JobOrder['output'], 'format' | 'compression' | 'join'>
  readonly maxCharge?: JobOrder['maxCharge']
  readonly expiresAt?: JobOrder['expiresAt']
  readonly batch?: JobOrder['batch']
  readonly fingerprint?: JobOrder['fingerprint']
  /** What makes it the same order when it comes again: an event's object, an idempotency key. */
  readonly identity: readonly string[]
}

/**
 * Creates the job, once for one identity, and has it planned. Names are resolved now: whatever
 * happens to an alias, the price book or the input, the job goes on with what was ordered.
 *
 * @throws ServiceError `model_not_found`, `version_not_found`, `price_unknown`, `store_unavailable`,
 * `object_key_invalid` where the name of the input gives none for its outputs,
 * `idempotency_key_reused` where it was another request the first time
 */
export async function orderJob(request: JobRequest, services: BatchServices): Promise<Job> {
  const { catalog, prices, now } = services
  const [name = '', version] = request.model.split('@')
  const { manifest, ...entry } = catalog.find(name, version)
  const model = modelKey({ manifest, ...entry })
  const id = jobIdOf(request)
  const { identity, output, ...order } = request
  const prefix = places.outputs(order.tenant, model, nameOf(request), id)
  // Now rather than when all is scored, paid for, and has no place to go.
  objectKey(`${prefix}results.jsonl.zst`)
  return createJob(
    id,
    {
      ...order,
      model,
      modelDigest: manifest.artifact.sha256,
      priceId: batchPrice(prices, manifest.price, now()).id,
      output: { ...output, prefix },
      maxCharge: request.maxCharge,
      expiresAt: request.expiresAt,
    },
    services,
  )
}

async function createJob(id: string, order: JobOrder, services: BatchServices): Promise<Job> {
  const { jobs, queues, now } = services
  const at = now()
  const job: Job = {
    id,
    order,
    createdAt: at,
    changedAt: at,
    state: 'planning',
    times: { planning: at },
    chunks: 0,
    bytes: 0,
    done: { chunks: 0, bytes: 0, results: 0, errors: 0, charge: 0n },
    marks: [],
    problems: [],
    outputs: [],
  }
  const outcome = await jobs.create(job)
  const stored = outcome === 'created' ? job : await jobs.find(id)
  if (!stored) throw new ServiceError('store_unavailable')
  if (stored.order.fingerprint !== order.fingerprint) {
    throw new ServiceError('idempotency_key_reused')
  }
  // Sent also where it existed: an earlier attempt may have died in between.
  if (stored.state === 'planning') await queues.plan.send([toMessage(stored)])
  return stored
}

const jobIdOf = ({ tenant, free, identity }: JobRequest): string =>
  `job_${createHash('sha256')
    .update(JSON.stringify([tenant, free, ...identity]))
    .digest('hex')
    .slice(0, 32)}`

/** The last name of the input, by which its outputs are found. */
function nameOf({ input, batch }: JobRequest): string {
  if (batch) return batch.fileId
  const path = input.kind === 'object' ? input.object.key : input.prefix
  return path.split('/').filter(Boolean).at(-1) ?? 'input'
}

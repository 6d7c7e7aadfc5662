import type { ServiceError } from '#shared/errors/service-error.ts'
import type { Job, JobProblem } from './job.ts'
import type { ObjectStore } from './object-store.ts'
import { places } from './places.ts'

/**
 * Leaves word of a dropped object that can be no job beside where its outputs would be: nobody waits
 * for an answer who could be told. The last word counts, since models and files come and go.
 *
 * @throws ServiceError `object_key_invalid`, `store_unavailable`
 */
export async function writeRefusal(
  input: string,
  { code, message, fix }: ServiceError,
  objects: Pick<ObjectStore, 'put'>,
): Promise<void> {
  await objects.put(places.refusal(input), toBytes({ input, error: { code, message, fix } }))
}

/**
 * The same of one that became a job and turned out to hold nothing to score: where its outputs would
 * be, and create-only as they are.
 */
export async function writeFailure(
  { id, order }: Job,
  problems: readonly JobProblem[],
  objects: Pick<ObjectStore, 'put'>,
): Promise<void> {
  const input = order.input.kind === 'object' ? order.input.object.key : order.input.prefix
  const bytes = toBytes({ input, job: id, problems })
  await objects.put(`${order.output.prefix}refused.json`, bytes, { ifAbsent: true })
}

const toBytes = (word: object) => Buffer.from(`${JSON.stringify(word, undefined, 2)}\n`)

import { ServiceError } from '#shared/errors/service-error.ts'
import type { ObjectStore } from './object-store.ts'
import { places } from './places.ts'
import type { ChunkRange, Plan } from './plan.ts'
import { readAll } from './read-all.ts'

/** Plans never change: of each store those read last are kept. */
const kept = new WeakMap<ObjectStore, Map<string, Promise<Plan>>>()
const keptPlans = 16

/** @throws ServiceError `store_unavailable`; `internal` where the job has none */
export function readPlan(jobId: string, objects: ObjectStore): Promise<Plan> {
  const plans = kept.get(objects) ?? new Map<string, Promise<Plan>>()
  kept.set(objects, plans)
  const known = plans.get(jobId)
  if (known) return known
  const reading = fetchPlan(jobId, objects)
  plans.set(jobId, reading)
  reading.catch(() => plans.delete(jobId))
  const [oldest] = plans.keys()
  if (plans.size > keptPlans && oldest) plans.delete(oldest)
  return reading
}

/** What a chunk of a plan owns. @throws ServiceError `internal` where the plan has no such chunk */
export function rangeOf({ chunks }: Plan, chunk: number): ChunkRange {
  const range = chunks[chunk]
  if (range) return range
  throw new ServiceError('internal', { detail: 'The plan has no such chunk.' })
}

async function fetchPlan(jobId: string, objects: ObjectStore): Promise<Plan> {
  const object = await objects.head(places.plan(jobId))
  if (!object) throw new ServiceError('internal', { detail: 'The job has no plan.' })
  return JSON.parse((await readAll(objects.read(object))).toString()) as Plan
}

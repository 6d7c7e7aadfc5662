import { ServiceError } from '#shared/errors/service-error.ts'
import type { BatchServices } from './batch-services.ts'
import type { Job } from './job.ts'
import { listAll } from './list-all.ts'
import { expireJob } from './manage-job.ts'
import { toMessage } from './messages.ts'
import type { StoredObject } from './object-store.ts'
import { places } from './places.ts'
import { orderObject } from './receive-object.ts'
import { sendChunks } from './send-chunks.ts'

export interface ReconcilerOptions {
  /** A job that nothing was heard of for so long may have lost its messages. */
  quietMs?: number
  /** An object younger than this may still be written to (a directory; S3 shows whole ones only). */
  settleMs?: number
  /** Objects older than this were seen by an earlier pass. */
  lookBackMs?: number
  /** Keys that something has happened to since the last pass, where somebody says so. */
  told?: Set<string>
  /** How often all objects are looked at. */
  listEveryMs?: () => number
  /** Told once of each object that cannot become a job, and waited for. */
  onRefused?: (key: string, error: ServiceError) => unknown
}

/**
 * Makes good what was lost on the way: objects that no event told of become jobs, jobs that stand
 * still get their messages again, jobs whose time is over end. Everything it does may be repeated.
 * On one machine it is what watches the directory.
 */
export function createReconciler(
  services: BatchServices,
  {
    quietMs = 300_000,
    settleMs = 0,
    lookBackMs = 86_400_000,
    told = new Set(),
    listEveryMs = () => 0,
    onRefused = () => undefined,
  }: ReconcilerOptions = {},
): () => Promise<void> {
  /** Versions that need not be looked at again; as many as lie there. */
  let known = new Set<string>()
  let listedAt = Number.NEGATIVE_INFINITY

  const nameOf = ({ key, version }: StoredObject) => `${key}\n${version}`
  /** @returns whether it need not be looked at again */
  async function settle(object: StoredObject): Promise<boolean> {
    const age = services.now() - object.modifiedAt
    if (age < settleMs) return false
    if (!known.has(nameOf(object)) && age < lookBackMs) await order(object)
    return true
  }
  async function orderTold(): Promise<void> {
    for (const key of [...told]) {
      // First, since what happens while it is looked at is told of again.
      told.delete(key)
      try {
        const object = await services.objects.head(key)
        if (!object) continue
        if (await settle(object)) known.add(nameOf(object))
        else told.add(key)
      } catch (thrown) {
        told.add(key)
        throw thrown
      }
    }
  }
  async function orderForgotten(): Promise<void> {
    await orderTold()
    const at = services.now()
    if (at < listedAt + listEveryMs()) return
    const seen = new Set<string>()
    for await (const page of listAll(places.incoming, services.objects)) {
      for (const object of page) {
        if (await settle(object)) seen.add(nameOf(object))
        else told.add(object.key)
      }
    }
    known = seen
    listedAt = at
  }
  async function order(object: StoredObject): Promise<void> {
    try {
      await orderObject(object, services)
    } catch (thrown) {
      const error = ServiceError.from(thrown)
      // A mistake of this service must not keep all other objects waiting.
      if (error.retryable && error.code !== 'internal') throw error
      await onRefused(object.key, error)
    }
  }
  /** Once in `quietMs`: messages that only wait for their turn would become more and more. */
  async function nudge(job: Job): Promise<void> {
    const { plan, publish } = services.queues
    if (!(await services.jobs.change(job.id, [job.state], { at: services.now() }))) return
    if (job.state === 'planning') await plan.send([toMessage(job)])
    else if (job.state === 'scoring') await sendChunks(job, services)
    else if (job.state !== 'paused') await publish.send([toMessage(job)])
  }

  async function rouse(): Promise<void> {
    for (const job of await services.jobs.unfinished(1_000)) {
      if (isOver(job, services.now())) await expireJob(job, services)
      else if (job.changedAt + quietMs <= services.now()) await nudge(job)
    }
  }

  return async () => {
    // Jobs that stand still are helped also where objects cannot be listed.
    await orderForgotten().finally(rouse)
  }
}

function isOver({ state, order }: Job, now: number): boolean {
  const canEnd = state === 'planning' || state === 'scoring' || state === 'paused'
  return canEnd && order.expiresAt !== undefined && order.expiresAt <= now
}

import type { BatchServices } from './batch-services.ts'
import { descriptionKey, isFileId, readDescription, removeFile } from './files.ts'
import { hasEnded } from './job-progress.ts'
import { listAll } from './list-all.ts'
import type { StoredObject } from './object-store.ts'
import { places } from './places.ts'

export interface ObjectSweeperOptions {
  /** Files that were begun so long ago and are known to nobody were never finished. */
  uploadMs?: number
  /** How long after their end jobs keep what they were put together of; absent where the store does that. */
  retentionMs?: number | undefined
  /** How often all uploads and jobs are looked at; what expires is known without looking. */
  everyMs?: number
}

const dayMs = 86_400_000

/**
 * Removes what nobody will ask for again: files that have expired, with their bytes; uploads that were
 * never finished; plans and parts of old jobs. All of it may be repeated, by several at a time.
 */
export function createObjectSweeper(
  { objects, jobs, now }: Pick<BatchServices, 'objects' | 'jobs' | 'now'>,
  { uploadMs = dayMs, retentionMs, everyMs = dayMs }: ObjectSweeperOptions = {},
): () => Promise<void> {
  let lookedAt = Number.NEGATIVE_INFINITY

  /** In the order of their times, so that nothing is looked at that has not expired. */
  async function removeExpired(): Promise<void> {
    for await (const page of listAll(places.expiring, objects)) {
      for (const mark of page) {
        if (Number(mark.key.split('/')[1]) > now()) return
        const file = await readDescription(mark, objects)
        if (file) await removeFile(file, objects)
      }
    }
  }
  async function removeUnfinished(): Promise<void> {
    for await (const page of listAll(places.uploads, objects)) {
      for (const { key, modifiedAt } of page) {
        const [, tenant = '', id = ''] = key.split('/')
        // What others have put there by hand is theirs.
        if (modifiedAt + uploadMs > now() || !isFileId(id)) continue
        if (!(await objects.head(descriptionKey(tenant, id)))) await objects.remove(key)
      }
    }
  }
  async function removeOldJobs(keptMs: number): Promise<void> {
    let last: { readonly id: string; readonly isOver: boolean } | undefined
    for await (const page of listAll(places.jobs, objects)) {
      for (const object of page) {
        const [, id = ''] = object.key.split('/')
        if (last?.id !== id) last = { id, isOver: await isOver(id, object, keptMs) }
        if (last.isOver) await objects.remove(object.key)
      }
    }
  }
  /** Of a job that is known no more, by the first object of it. */
  async function isOver(id: string, first: StoredObject, keptMs: number): Promise<boolean> {
    const job = await jobs.find(id)
    if (job && !hasEnded(job)) return false
    return (job?.changedAt ?? first.modifiedAt) + keptMs <= now()
  }

  return async () => {
    await removeExpired()
    if (now() < lookedAt + everyMs) return
    lookedAt = now()
    await removeUnfinished()
    if (retentionMs !== undefined) await removeOldJobs(retentionMs)
  }
}

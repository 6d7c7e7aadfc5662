import { afterAll, beforeAll, beforeEach, expect } from 'vitest'
import { auditJob } from '#shared/batch/audit-job.ts'
import type { Job } from '#shared/batch/job.ts'
import { byHand, type Hands } from './by-hand.ts'
import { type LocalBatch, openLocalBatch } from './local-batch.ts'

/** Five records of nine bytes each: a chunk each. */
export const five = '"text 1"\n"text 2"\n"text 3"\n"text 4"\n"text 5"\n'

/** Jobs of a few chunks, one message after the other, on stores of the group's own. */
export function useSmallJobs() {
  let batch: LocalBatch
  let hands: Hands
  beforeAll(async () => {
    const chunkSizes = { bytes: () => 9, parquetRows: 2, listBytes: 100 }
    batch = await openLocalBatch({ idle: true, chunkSizes })
  })
  afterAll(() => batch.close())
  beforeEach(() => {
    hands = byHand(batch.services)
  })

  async function jobOf({ id }: Pick<Job, 'id'>): Promise<Job> {
    const job = await batch.services.jobs.find(id)
    if (!job) throw new Error('The job is gone.')
    return job
  }

  return {
    get batch() {
      return batch
    },
    get hands() {
      return hands
    },
    jobOf,
    /** Plans it, and scores its first chunks. */
    async begin(
      chunks: number,
      request: Partial<Parameters<LocalBatch['order']>[0]> = {},
      input = five,
    ): Promise<Job> {
      const job = await batch.order({ model: 'iris', ...request }, input)
      await hands.work('plan')
      await hands.work('score', chunks)
      return jobOf(job)
    },
    async end(job: Job): Promise<Job> {
      await hands.workAll()
      const ended = await jobOf(job)
      expect(await auditJob(ended, batch.services)).toEqual([])
      return ended
    },
    async linesOf(job: Job, name: 'results' | 'errors'): Promise<Record<string, unknown>[]> {
      const text = await batch.output(job, name)
      return text
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line))
    },
  }
}

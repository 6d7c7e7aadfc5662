import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { JobStore } from '#shared/batch/job-store.ts'
import { createSqliteJobStore } from '#shared/batch/stores/sqlite-job-store.ts'
import { createSqliteQueue } from '#shared/batch/stores/sqlite-queue.ts'
import { describeJobStore, newJob, reportOf, start } from './job-store-contract.ts'

const directory = mkdtempSync(join(tmpdir(), 'percall-jobs-'))
const path = join(directory, 'batch.sqlite')
let time = start
const opened: JobStore[] = []
function open(file = path) {
  const store = createSqliteJobStore({ path: file, now: () => time })
  opened.push(store)
  return store
}
afterAll(async () => {
  for (const store of opened) await store.close()
  rmSync(directory, { recursive: true })
})

describe('jobs in SQLite', () => {
  describeJobStore({
    open,
    setTime: (now) => {
      time = now
    },
  })

  test('lie beside the queues, and are seen by every connection at once', async () => {
    const file = join(directory, 'shared.sqlite')
    const [one, other] = [open(file), open(file)]
    const queue = createSqliteQueue({ path: file, name: 'score' })
    const job = newJob()
    await Promise.all([one.create(job), queue.send([{ body: job.id, group: 'acme' }])])
    expect(await other.find(job.id)).toEqual(job)
    await other.finishChunk(job.id, reportOf(0))
    expect((await one.find(job.id))?.done.chunks).toBe(1)
    await queue.close()
  })

  test('are found again when the file is opened anew', async () => {
    const file = join(directory, 'again.sqlite')
    const before = open(file)
    const job = newJob()
    await before.create(job)
    await before.finishChunk(job.id, reportOf(3))
    await before.close()
    const after = open(file)
    expect((await after.find(job.id))?.done.charge).toBe(9_000_000_000_000_001n)
    expect(await after.reports(job.id, 0, 9)).toEqual([reportOf(3)])
  })
})

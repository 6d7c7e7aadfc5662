import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { findFile, saveFile } from '#shared/batch/files.ts'
import { places } from '#shared/batch/places.ts'
import { createSqliteJobStore } from '#shared/batch/stores/sqlite-job-store.ts'
import { createObjectSweeper } from '#shared/batch/sweep-objects.ts'
import { refusal } from '#test/support/refusal.ts'
import { createMemoryObjectStore } from './chaos/memory-object-store.ts'
import { newJob } from './job-store-contract.ts'

const dayMs = 86_400_000
let time: number
const now = () => time
let home: string
let jobs: ReturnType<typeof createSqliteJobStore>
let objects: ReturnType<typeof createMemoryObjectStore>

beforeEach(() => {
  time = 1_795_000_000_000
  home = mkdtempSync(join(tmpdir(), 'percall-sweep-'))
  jobs = createSqliteJobStore({ path: join(home, 'jobs.sqlite'), now })
  objects = createMemoryObjectStore({ now })
})
afterEach(async () => {
  await jobs.close()
  rmSync(home, { recursive: true })
})

const sweeper = () => createObjectSweeper({ objects, jobs, now }, { retentionMs: 90 * dayMs })
const keys = async (prefix = '') =>
  (await objects.list(prefix, { limit: 99 })).objects.map(({ key }) => key)

async function* once(text: string) {
  yield Buffer.from(text)
}

const upload = (tenant: string, expiresAt?: number) =>
  saveFile(
    {
      ...{ tenant, filename: 'a.jsonl', bytes: once('"one"\n'), limitBytes: 99 },
      describe: async () => ({ purpose: 'batch', expiresAt }),
    },
    objects,
    time,
  )

test('a file that has expired is removed with its bytes, others stay', async () => {
  const kept = await upload('acme')
  const late = await upload('acme', time + 3 * dayMs)
  const soon = await upload('other', time + dayMs)
  const sweep = sweeper()
  await sweep()
  expect(await keys('uploads/')).toHaveLength(3)
  time += dayMs
  await sweep()
  expect(await keys('uploads/')).toEqual([late.key, kept.key].sort())
  expect(await keys('files/other')).toEqual([])
  await expect(findFile(soon.id, 'other', objects, now())).rejects.toEqual(
    refusal('resource_not_found'),
  )
  time += 2 * dayMs
  await sweep()
  await sweep()
  expect(await keys('uploads/')).toEqual([kept.key])
  expect(await keys(places.expiring)).toEqual([])
})

test('bytes are found again where who removed a file died in between', async () => {
  const file = await upload('acme', time + dayMs)
  await objects.remove(`files/acme/${file.id}.json`)
  time += dayMs
  await sweeper()()
  expect(await keys()).toEqual([])
})

test('an upload that nobody finished is removed after a day, what others put there is not', async () => {
  const file = await upload('acme')
  await objects.remove(`files/acme/${file.id}.json`)
  await objects.put('uploads/acme/by-hand/table.csv', Buffer.from('a\n'))
  const sweep = sweeper()
  await sweep()
  time += dayMs - 1
  await sweeper()()
  expect(await keys('uploads/')).toHaveLength(2)
  time += 1
  await sweep()
  expect(await keys('uploads/')).toEqual(['uploads/acme/by-hand/table.csv'])
})

test('plans and parts of a job stay for the retention after its end, and as long as it runs', async () => {
  for (const id of ['job_ended', 'job_running']) {
    await jobs.create(newJob({ id, createdAt: time }))
    await objects.put(places.plan(id), Buffer.from('{}'))
    await objects.put(places.part(id, 0, 'abc'), Buffer.from('{}\n'))
  }
  await objects.put(places.plan('job_of_old'), Buffer.from('{}'))
  time += 30 * dayMs
  await jobs.change('job_ended', ['planning'], { state: 'published', at: time })
  time += 60 * dayMs
  await sweeper()()
  const left = ['job_ended', 'job_running'].flatMap((id) => [
    places.part(id, 0, 'abc'),
    places.plan(id),
  ])
  expect(await keys('jobs/')).toEqual(left)
  time += 30 * dayMs
  await sweeper()()
  expect(await keys('jobs/')).toEqual(left.slice(2))
})

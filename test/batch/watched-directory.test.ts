import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import type { PublishingServices } from '#shared/batch/publish-job.ts'
import { createReconciler } from '#shared/batch/reconcile.ts'
import { watchFolders } from '#shared/batch/stores/watch-folders.ts'
import { type LocalBatch, openLocalBatch } from './local-batch.ts'

const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

function folder(): string {
  const root = mkdtempSync(join(tmpdir(), 'percall-watch-'))
  ends.push(() => rmSync(root, { recursive: true }))
  return root
}

test('tells of files in folders old and new, also in one that came back, not of hidden ones', async () => {
  const root = folder()
  mkdirSync(join(root, 'acme/iris'), { recursive: true })
  writeFileSync(join(root, 'acme/iris/before'), '')
  const told = new Set<string>()
  ends.push(await watchFolders(root, (path) => told.add(path)))
  const sees = (path: string) => vi.waitFor(() => expect([...told]).toContain(path), 20_000)
  writeFileSync(join(root, 'acme/iris/one'), '')
  await sees('acme/iris/one')
  // Files that were there when the folder appeared.
  const made = folder()
  mkdirSync(join(made, 'spam'))
  writeFileSync(join(made, 'spam/two'), '')
  renameSync(join(made, 'spam'), join(root, 'acme/spam'))
  await sees('acme/spam/two')
  writeFileSync(join(root, 'acme/spam/.three'), '')
  writeFileSync(join(root, 'acme/spam/three'), '')
  await sees('acme/spam/three')
  rmSync(join(root, 'acme/spam'), { recursive: true })
  told.clear()
  mkdirSync(join(root, 'acme/spam'))
  await sees('acme/spam')
  writeFileSync(join(root, 'acme/spam/four'), '')
  await sees('acme/spam/four')
  expect([...told]).not.toContain('acme/iris/before')
  expect([...told]).not.toContain('acme/spam/.three')
})

test('follows no links, behind which nothing is an object', async () => {
  const [root, elsewhere] = [folder(), folder()]
  writeFileSync(join(elsewhere, 'foreign'), '')
  const told = new Set<string>()
  ends.push(await watchFolders(root, (path) => told.add(path)))
  symlinkSync(elsewhere, join(root, 'link'))
  mkdirSync(join(root, 'folder'))
  await vi.waitFor(() => expect([...told]).toContain('folder'), 20_000)
  writeFileSync(join(root, 'folder/own'), '')
  await vi.waitFor(() => expect([...told]).toContain('folder/own'), 20_000)
  expect([...told]).not.toContain('link/foreign')
})

const key = 'incoming/acme/iris/new.csv'
const minute = 60_000

interface Watched {
  readonly batch: LocalBatch
  readonly told: Set<string>
  readonly pass: () => Promise<void>
  readonly tick: (ms: number) => void
  /** Happens while an object is looked at. */
  meanwhile: () => Promise<void>
  listings: number
}

/** A reconciler that is told what happens, on a clock that stands still. */
async function watched(): Promise<Watched> {
  const batch = await openLocalBatch({ idle: true })
  ends.push(batch.close)
  let time = Date.now()
  const told = new Set<string>()
  const { objects } = batch.services
  const counting: PublishingServices = {
    ...batch.services,
    now: () => time,
    objects: {
      ...objects,
      list(...asked) {
        state.listings += 1
        return objects.list(...asked)
      },
      async head(asked) {
        const object = await objects.head(asked)
        await state.meanwhile()
        return object
      },
    },
  }
  const pass = createReconciler(counting, {
    ...{ told, listEveryMs: () => minute, settleMs: 5_000 },
    lookBackMs: Number.POSITIVE_INFINITY,
  })
  const state: Watched = {
    ...{ batch, told, pass, listings: 0 },
    meanwhile: async () => undefined,
    tick(ms) {
      time += ms
    },
  }
  await pass()
  state.listings = 0
  return state
}
const jobsOf = async ({ services }: LocalBatch) =>
  (await services.jobs.list({ tenant: 'acme', limit: 9 })).jobs

test('what is told of becomes a job once it has settled, and nothing else is looked at', async () => {
  const state = await watched()
  await state.batch.services.objects.put(key, Buffer.from('5,3,1,0.2\n'))
  state.told.add(key)
  state.told.add('incoming/acme/iris/gone')
  await state.pass()
  expect(await jobsOf(state.batch)).toEqual([])
  state.tick(20_000)
  await state.pass()
  expect(await jobsOf(state.batch)).toHaveLength(1)
  expect([...state.told]).toEqual([])
  // Told again, and written again with other bytes.
  state.told.add(key)
  await state.pass()
  expect(await jobsOf(state.batch)).toHaveLength(1)
  await state.batch.services.objects.put(key, Buffer.from('6,3,1,0.2\n'))
  state.told.add(key)
  state.tick(20_000)
  await state.pass()
  expect(await jobsOf(state.batch)).toHaveLength(2)
  expect(state.listings).toBe(0)
})

test('what changes while it is looked at is looked at again', async () => {
  const state = await watched()
  const write = (text: string) => state.batch.services.objects.put(key, Buffer.from(text))
  await write('5,3,1,0.2\n')
  state.told.add(key)
  state.tick(20_000)
  state.meanwhile = async () => {
    state.meanwhile = async () => undefined
    await write('6,3,1,0.25\n')
    state.told.add(key)
  }
  await state.pass()
  expect(await jobsOf(state.batch)).toHaveLength(1)
  state.tick(20_000)
  await state.pass()
  expect(await jobsOf(state.batch)).toHaveLength(2)
  expect(state.listings).toBe(0)
})

test('what nobody told of is found within a minute', async () => {
  const state = await watched()
  await state.batch.services.objects.put(key, Buffer.from('5,3,1,0.2\n'))
  state.tick(minute - 1)
  await state.pass()
  expect(await jobsOf(state.batch)).toEqual([])
  state.tick(1)
  await state.pass()
  expect(await jobsOf(state.batch)).toHaveLength(1)
  expect(state.listings).toBeGreaterThan(0)
})

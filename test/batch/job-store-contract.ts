import { expect, test } from 'vitest'
import type { ChunkReport } from '#shared/batch/chunk.ts'
import type { Job, JobOrder, JobState } from '#shared/batch/job.ts'
import type { JobStore } from '#shared/batch/job-store.ts'

export const start = 1_795_392_000_000
const run = Math.random().toString(36).slice(2, 8)
let made = 0
export const fresh = (prefix: string) => `${prefix}-${run}-${++made}`

/** Has a value for everything that an order may say. */
export const fullOrder: JobOrder = {
  tenant: 'acme',
  keyId: 'key-1',
  project: 'letters',
  parties: [
    {
      scope: 'key',
      id: 'acme/key-1',
      limits: { concurrency: 3, monthlySpend: 2n ** 60n },
      total: 7n,
    },
    { scope: 'project', id: 'acme/letters', limits: { dailyCalls: 1_000 } },
  ],
  free: false,
  input: {
    kind: 'object',
    object: { key: 'incoming/acme/spam/a.csv', version: 'v"1"', sizeBytes: 2 ** 40, modifiedAt: 5 },
    format: 'auto',
  },
  model: 'spam@1',
  modelDigest: 'ab'.repeat(32),
  priceId: 'per-call@2026-11-01',
  parameters: { threshold: 0.1, labels: ['ä', '𝒳'], nested: { nothing: null } },
  output: { format: 'csv', join: true, prefix: 'outgoing/acme/spam/a.csv/job/' },
  records: { kind: 'call', url: '/v1/models/spam/predict' },
  maxCharge: 123_456_789_012_345_678n,
  expiresAt: start + 86_400_000,
  fingerprint: 'ef'.repeat(32),
  batch: { fileId: 'file-1', metadata: { customer: 'ümlaut' } },
}

/** Has only what it must. */
const leanOrder: JobOrder = {
  ...fullOrder,
  project: undefined,
  parties: [],
  free: true,
  input: { kind: 'prefix', prefix: 'incoming/acme/faces/' },
  records: { kind: 'input' },
  maxCharge: undefined,
  expiresAt: undefined,
}
delete (leanOrder as { batch?: unknown }).batch
delete (leanOrder as { fingerprint?: unknown }).fingerprint

export function newJob(changes: Partial<Job> = {}, order: Partial<JobOrder> = {}): Job {
  const createdAt = changes.createdAt ?? start
  return {
    id: fresh('job'),
    order: { ...leanOrder, ...order },
    createdAt,
    changedAt: createdAt,
    state: 'planning',
    times: { planning: createdAt },
    chunks: 0,
    bytes: 0,
    done: { chunks: 0, bytes: 0, results: 0, errors: 0, charge: 0n },
    marks: [],
    problems: [],
    outputs: [],
    ...changes,
  }
}

export const reportOf = (chunk: number, changes: Partial<ChunkReport> = {}): ChunkReport => ({
  chunk,
  results: 90,
  errors: 10,
  lines: 101,
  bytes: 5_000,
  part: { key: `jobs/x/parts/${chunk}`, sizeBytes: 4_000, sha256: 'cd'.repeat(32) },
  cpuClass: 'x64-avx512vnni',
  charge: '9000000000000001',
  ...changes,
})

export interface JobStoreOnTrial {
  open(): JobStore
  /** What the store takes for now. */
  setTime(now: number): void
}

/** What every job store promises, whatever is behind it. */
export function describeJobStore({ open, setTime }: JobStoreOnTrial): void {
  async function stored(store: JobStore, ...about: Parameters<typeof newJob>): Promise<Job> {
    const job = newJob(...about)
    expect(await store.create(job)).toBe('created')
    return job
  }

  test.each([
    ['all that an order may say', fullOrder],
    ['only what it must', leanOrder],
  ])('gives back a job with %s', async (_, order) => {
    const store = open()
    const outputs = [{ name: 'results', key: 'k', sizeBytes: 2 ** 41, sha256: 'ef' }] as const
    const problems = [{ code: 'record_invalid', message: 'ünreadable', line: 7 }]
    const raisedCharge = 2n ** 62n
    const rest = { ms: 7, since: start, until: start + 7 }
    const marks = [
      { at: start + 1, bytes: 2 ** 40 },
      { at: start + 2, bytes: 2 ** 41 },
    ]
    const job = newJob(
      { chunks: 7, bytes: 2 ** 42, raisedCharge, rest, marks, problems, outputs },
      order,
    )
    await store.create(job)
    expect(await store.find(job.id)).toEqual(job)
    expect(await store.find(fresh('absent'))).toBeUndefined()
  })

  test('creates a job once, and leaves the one that is there as it is', async () => {
    const store = open()
    const job = newJob()
    const rivals = Array.from({ length: 5 }, (_, chunks) => store.create({ ...job, chunks }))
    const outcomes = await Promise.all(rivals)
    expect(outcomes.toSorted()).toEqual(['created', ...Array(4).fill('exists')])
    expect((await store.find(job.id))?.chunks).toBe(outcomes.indexOf('created'))
  })

  test('changes a job that is in one of the states, and no other', async () => {
    const store = open()
    const job = await stored(store)
    const planned = await store.change(job.id, ['planning', 'paused'], {
      state: 'scoring',
      chunks: 3,
      bytes: 15_000,
      at: start + 5,
    })
    const expected: Job = {
      ...job,
      state: 'scoring',
      chunks: 3,
      bytes: 15_000,
      changedAt: start + 5,
      times: { planning: start, scoring: start + 5 },
    }
    expect(planned).toEqual(expected)
    expect(await store.change(job.id, ['planning'], { state: 'failed', at: start + 6 })).toBe(
      undefined,
    )
    expect(await store.change(job.id, [], { state: 'failed', at: start + 6 })).toBe(undefined)
    expect(await store.change(fresh('absent'), ['planning'], { at: 1 })).toBe(undefined)
    expect(await store.find(job.id)).toEqual(expected)
  })

  test('changes what is named and nothing else', async () => {
    const store = open()
    const job = await stored(store, { problems: [{ code: 'a', message: 'b' }], chunks: 4 })
    const outputs = [{ name: 'manifest', key: 'm', sizeBytes: 1, sha256: 'x' }] as const
    await store.change(job.id, ['planning'], { outputs, at: start + 1 })
    expect(await store.find(job.id)).toEqual({ ...job, outputs, changedAt: start + 1 })
    await store.change(job.id, ['planning'], { problems: [], at: start + 2 })
    const changed = { ...job, outputs, problems: [] }
    expect(await store.find(job.id)).toEqual({ ...changed, changedAt: start + 2 })
    const raisedCharge = 2n ** 61n + 1n
    await store.change(job.id, ['planning'], { raisedCharge, at: start + 3 })
    await store.change(job.id, ['planning'], { at: start + 4 })
    expect(await store.find(job.id)).toEqual({ ...changed, raisedCharge, changedAt: start + 4 })
  })

  test('keeps the time when a state was entered first', async () => {
    const store = open()
    const { id } = await stored(store)
    const states: JobState[] = ['scoring', 'paused', 'scoring', 'paused', 'publishing']
    let from: JobState = 'planning'
    for (const [index, state] of states.entries()) {
      await store.change(id, [from], { state, at: start + index + 1 })
      from = state
    }
    expect((await store.find(id))?.times).toEqual({
      planning: start,
      scoring: start + 1,
      paused: start + 2,
      publishing: start + 5,
    })
  })

  test('lets exactly one of many rivals make a change', async () => {
    const store = open()
    const { id } = await stored(store)
    const rivals = Array.from({ length: 6 }, (_, chunks) =>
      store.change(id, ['planning'], { state: 'scoring', chunks, at: start + 1 }),
    )
    const winners = (await Promise.all(rivals)).filter((job) => job !== undefined)
    expect(winners).toHaveLength(1)
    expect(await store.find(id)).toEqual(winners[0])
  })

  test('counts each chunk once, however often and by how many it is told of', async () => {
    const store = open()
    const { id } = await stored(store, { state: 'scoring', chunks: 5 })
    setTime(start + 77)
    const told = [0, 1, 2, 3, 4, 2, 2, 4].map((chunk) => store.finishChunk(id, reportOf(chunk)))
    await Promise.all(told)
    const done = {
      chunks: 5,
      bytes: 25_000,
      results: 450,
      errors: 50,
      charge: 45_000_000_000_000_005n,
    }
    expect(await store.finishChunk(id, reportOf(3, { results: 1 }))).toMatchObject({ id, done })
    expect(await store.find(id)).toMatchObject({ done, changedAt: start + 77, state: 'scoring' })
    expect(await store.reports(id, 0, 99)).toEqual([0, 1, 2, 3, 4].map((chunk) => reportOf(chunk)))
  })

  test('marks how far the job was when, once a chunk, in as many slots as ever', async () => {
    const store = open()
    const { id } = await stored(store, { state: 'scoring', chunks: 40 })
    for (let chunk = 0; chunk < 40; chunk += 1) {
      setTime(start + chunk)
      await store.finishChunk(id, reportOf(chunk))
      await store.finishChunk(id, reportOf(Math.floor(chunk / 2)))
    }
    const marks = (await store.find(id))?.marks ?? []
    expect(marks.at(-1)).toEqual({ at: start + 39, bytes: 40 * 5_000 })
    for (const { at, bytes } of marks) expect(bytes).toBe((at - start + 1) * 5_000)
    expect(marks.length).toBeGreaterThan(8)
    expect(marks.length).toBeLessThanOrEqual(16)
  })

  test('keeps what it is told of pauses', async () => {
    const store = open()
    const { id } = await stored(store, { state: 'scoring' })
    const rest = { ms: 5, since: start + 9 }
    const paused = { state: 'paused', rest, at: start + 9 } as const
    expect(await store.change(id, ['scoring'], paused)).toMatchObject({ rest })
    await store.change(id, ['paused'], { state: 'scoring', at: start + 20 })
    expect((await store.find(id))?.rest).toEqual(rest)
  })

  test('shows the last of the chunks to whoever finishes it', async () => {
    const store = open()
    const { id } = await stored(store, { state: 'scoring', chunks: 6 })
    const jobs = await Promise.all(
      Array.from({ length: 6 }, (_, chunk) => store.finishChunk(id, reportOf(chunk))),
    )
    expect(Math.max(...jobs.map(({ done }) => done.chunks))).toBe(6)
  })

  test('counts chunks of jobs in any state', async () => {
    const store = open()
    for (const state of ['cancelling', 'paused', 'published'] as const) {
      const { id } = await stored(store, { state })
      const job = await store.finishChunk(id, reportOf(0, { charge: '0' }))
      expect(job).toMatchObject({ state, done: { chunks: 1, charge: 0n } })
    }
  })

  test('knows no chunk of a job that is not there', async () => {
    const store = open()
    const id = fresh('absent')
    await expect(store.finishChunk(id, reportOf(0))).rejects.toMatchObject({
      code: 'store_unavailable',
    })
    expect(await store.reports(id, 0, 9)).toEqual([])
  })

  test('gives reports in their order, a page at a time', async () => {
    const store = open()
    const { id } = await stored(store)
    const chunks = [100_000, 9, 10, 0, 2, 11, 1]
    for (const chunk of chunks) await store.finishChunk(id, reportOf(chunk))
    const pageAt = async (first: number, limit: number) =>
      (await store.reports(id, first, limit)).map(({ chunk }) => chunk)
    expect(await pageAt(0, 99)).toEqual([0, 1, 2, 9, 10, 11, 100_000])
    expect(await pageAt(0, 3)).toEqual([0, 1, 2])
    expect(await pageAt(3, 2)).toEqual([9, 10])
    expect(await pageAt(11, 9)).toEqual([11, 100_000])
    expect(await pageAt(100_001, 9)).toEqual([])
  })

  test('lists the jobs of one tenant, newest first, a page at a time', async () => {
    const store = open()
    const tenant = fresh('tenant')
    const ids: string[] = []
    // Two of each time: their order is any, but always the same.
    for (const [index, createdAt] of [1, 1, 5, 5, 3, 9].entries()) {
      const records = index % 2 ? leanOrder.records : fullOrder.records
      const { id } = await stored(store, { createdAt: start + createdAt }, { tenant, records })
      ids.push(id)
    }
    await stored(store, {}, { tenant: fresh('tenant') })
    const list = async (query: { after?: string; limit: number; kind?: 'input' | 'call' }) => {
      const { jobs, more } = await store.list({ tenant, ...query })
      return {
        ids: jobs.map(({ id }) => id),
        times: jobs.map(({ createdAt }) => createdAt - start),
        more,
      }
    }
    const all = await list({ limit: 99 })
    expect(all).toMatchObject({ times: [9, 5, 5, 3, 1, 1], more: false })
    expect(all.ids.toSorted()).toEqual(ids.toSorted())
    expect(await list({ limit: 6 })).toMatchObject({ ids: all.ids, more: false })
    expect(await list({ limit: 5 })).toMatchObject({ ids: all.ids.slice(0, 5), more: true })
    for (const [index, after] of all.ids.entries()) {
      const page = await list({ after, limit: 2 })
      expect(page.ids).toEqual(all.ids.slice(index + 1, index + 3))
      expect(page.more).toBe(index < 3)
    }
    const calls = all.ids.filter((id) => ids.indexOf(id) % 2 === 0)
    expect(await list({ kind: 'call', limit: 2 })).toMatchObject({
      ids: calls.slice(0, 2),
      more: true,
    })
    expect(await list({ kind: 'call', limit: 3 })).toMatchObject({ ids: calls, more: false })
    expect(await list({ kind: 'input', limit: 9 })).toMatchObject({ more: false, times: [9, 5, 1] })
  })

  test('lists nothing after an id that the tenant does not have', async () => {
    const store = open()
    const tenant = fresh('tenant')
    await stored(store, {}, { tenant })
    const foreign = await stored(store, { createdAt: start + 9 })
    for (const after of [fresh('absent'), foreign.id]) {
      expect(await store.list({ tenant, after, limit: 9 })).toEqual({ jobs: [], more: false })
    }
  })

  test('tells of jobs that are not at rest, the oldest change first', async () => {
    const store = open()
    const [old, paused, ended, failed, young] = [
      await stored(store, { changedAt: 10 }),
      await stored(store, { changedAt: 30, state: 'paused' }),
      await stored(store, { changedAt: 5 }),
      await stored(store, { changedAt: 6, state: 'failed' }),
      await stored(store, { changedAt: 20, state: 'publishing' }),
    ]
    await store.change(ended.id, ['planning'], { state: 'cancelled', at: 7 })
    const mine = async (limit: number) => {
      const known = [old, paused, ended, failed, young].map(({ id }) => id)
      const jobs = await store.unfinished(limit)
      return jobs.map(({ id }) => id).filter((id) => known.includes(id))
    }
    expect(await mine(3)).toEqual([old.id, young.id, paused.id])
    expect(await mine(1)).toEqual([old.id])
    setTime(40)
    await store.finishChunk(old.id, reportOf(0))
    expect(await mine(3)).toEqual([young.id, paused.id, old.id])
    for (const job of [old, paused, young]) {
      await store.change(job.id, [job.state], { state: 'published', at: 50 })
    }
    expect(await mine(100)).toEqual([])
  })
}

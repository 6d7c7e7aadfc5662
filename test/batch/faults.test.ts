import { gzipSync } from 'node:zlib'
import { describe, expect, test, vi } from 'vitest'
import type { Job } from '#shared/batch/job.ts'
import { cancelJob, resumeJob } from '#shared/batch/manage-job.ts'
import { planJob } from '#shared/batch/plan-job.ts'
import { publishJob } from '#shared/batch/publish-job.ts'
import { receiveObject } from '#shared/batch/receive-object.ts'
import { createReconciler } from '#shared/batch/reconcile.ts'
import { createCatalog } from '#shared/catalog/catalog.ts'
import { modelKey } from '#shared/inference/model.ts'
import { plainScenario } from './chaos/batch-scenario.ts'
import { simulateBatch } from './chaos/simulate-batch.ts'
import { five, useSmallJobs } from './small-jobs.ts'

vi.setConfig({ testTimeout: 60_000 })

const small = useSmallJobs()
const { begin, end, jobOf, linesOf } = small

test('a last line that is cut off is one error, and one without its newline is none', async () => {
  const cut = await end(await begin(0, {}, '"text 1"\n"text 2'))
  expect(cut).toMatchObject({ state: 'published', done: { results: 1, errors: 1 } })
  expect(await linesOf(cut, 'errors')).toMatchObject([{ record: 2, line: 2, offset: 9 }])
  const whole = await end(await begin(0, {}, '"text 1"\n"text 2"'))
  expect(whole.done).toMatchObject({ results: 2, errors: 0 })
})

test.each([2, 10])('an event that comes %i times, in any order, makes one job', async (times) => {
  const keys = [1, 2, 3].map((each) => `incoming/acme/iris/times-${times}-${each}.jsonl`)
  for (const key of keys) await small.batch.services.objects.put(key, Buffer.from(five))
  const events = Array.from({ length: times }, () => keys)
    .flat()
    .sort(() => Math.random() - 0.5)
  const jobs = await Promise.all(events.map((key) => receiveObject(key, small.batch.services)))
  expect(new Set(jobs.map((job) => job?.id)).size).toBe(3)
  await small.hands.workAll()
  for (const job of jobs) {
    if (job) expect(await end(job)).toMatchObject({ state: 'published', done: { charge: 500n } })
  }
})

test('an object that no event told of becomes a job, once', async () => {
  const key = 'incoming/acme/iris/forgotten.jsonl'
  await small.batch.services.objects.put(key, Buffer.from(five))
  const before = (await small.batch.services.jobs.list({ tenant: 'acme', limit: 1_000 })).jobs
    .length
  for (let pass = 0; pass < 3; pass += 1) {
    await createReconciler(small.batch.services, { lookBackMs: Number.POSITIVE_INFINITY })()
  }
  const { jobs } = await small.batch.services.jobs.list({ tenant: 'acme', limit: 1_000 })
  expect(jobs.length).toBe(before + 1)
  expect(await end(await jobOf(jobs[0] as Job))).toMatchObject({ state: 'published' })
})

test.each([0, 1, 99, 100, 101, 250, 499, 500, 501])(
  'spends no more than a cap of %i micros, and stops resumably there',
  async (micros) => {
    const job = await begin(5, { maxCharge: BigInt(micros) })
    await small.hands.workAll()
    const stopped = await jobOf(job)
    const paid = Math.min(5, Math.floor(micros / 100))
    expect(stopped.done).toMatchObject({ results: paid, charge: BigInt(paid * 100) })
    if (micros >= 500) return expect(stopped.state).toBe('published')
    expect(stopped).toMatchObject({ state: 'paused', problems: [{ code: 'spend_cap_reached' }] })
    // It does no harm to ask again; what is finished can be had.
    await resumeJob(stopped, small.batch.services)
    await small.hands.workAll()
    expect((await jobOf(job)).state).toBe('paused')
    await cancelJob(job, small.batch.services)
    expect(await end(job)).toMatchObject({ state: 'cancelled', done: { results: paid } })
  },
)

test('a job whose credit is used up goes on when it is paid for, from where it stopped', async () => {
  const { ledger } = small.batch.services
  const tenant = 'prepaid'
  await ledger.putAccount({ tenant, currency: 'USD', mode: 'prepaid', limits: {} })
  const topUp = (id: string, amount: bigint) =>
    ledger.post({
      tenant,
      id,
      type: 'topup',
      amount,
      currency: 'USD',
      at: Date.now(),
      sale: undefined,
      units: {},
      reference: undefined,
      creditExpiresAt: undefined,
    })
  await topUp('first', 250n)
  const job = await begin(5, { tenant })
  await small.hands.workAll()
  expect(await jobOf(job)).toMatchObject({
    state: 'paused',
    problems: [{ code: 'credit_exhausted' }],
  })
  await topUp('second', 250n)
  await resumeJob(await jobOf(job), small.batch.services)
  expect(await end(job)).toMatchObject({ state: 'published', done: { results: 5, charge: 500n } })
  expect(await ledger.account(tenant)).toMatchObject({ available: 0n, held: 0n, spent: 500n })
})

describe('a cancelled job', () => {
  test.each([0, 1, 4])(
    'keeps, publishes and bills the %i chunks that are finished',
    async (chunks) => {
      const job = await begin(chunks)
      await cancelJob(job, small.batch.services)
      const ended = await end(job)
      expect(ended).toMatchObject({ state: 'cancelled', done: { results: chunks } })
      expect(ended.done.charge).toBe(BigInt(chunks * 100))
      expect(await linesOf(ended, 'results')).toHaveLength(chunks)
    },
  )

  test('has empty outputs where it was not planned yet', async () => {
    const job = await small.batch.order({ model: 'iris' }, five)
    await cancelJob(job, small.batch.services)
    expect(await end(job)).toMatchObject({ state: 'cancelled', done: { results: 0 } })
  })

  test('keeps the numbers of its records where a chunk before them was not scored', async () => {
    const input = '"text 1"\nnope\n\n"text 2"\nnope\n"text 3"\n'
    const job = await begin(0, {}, input)
    const score = small.batch.services.queues.score
    const [first] = await score.receive({ limit: 1, visibilityMs: 60_000 })
    await small.hands.work('score')
    await cancelJob(job, small.batch.services)
    if (first) await score.hide(first, 0)
    const ended = await end(job)
    expect(await linesOf(ended, 'results')).toMatchObject([{ record: 3 }, { record: 5 }])
    expect(await linesOf(ended, 'errors')).toMatchObject([
      { record: 2, line: 2, offset: 9 },
      { record: 4, line: 5, offset: 24 },
    ])
  })

  test('completes where it is being published already', async () => {
    const job = await begin(5)
    const { now, jobs } = small.batch.services
    await jobs.change(job.id, ['scoring'], { state: 'publishing', at: now() })
    expect(await cancelJob(job, small.batch.services)).toMatchObject({ state: 'publishing' })
    expect(await end(job)).toMatchObject({ state: 'published', done: { results: 5 } })
    expect(await cancelJob(job, small.batch.services)).toMatchObject({ state: 'published' })
  })
})

test('a job whose time is over publishes and bills what is finished', async () => {
  const job = await begin(3, { expiresAt: Date.now() + 60_000 })
  const later = { ...small.batch.services, now: () => Date.now() + 61_000 }
  await createReconciler(later, { lookBackMs: 0 })()
  expect(await end(job)).toMatchObject({ state: 'expired', done: { results: 3, charge: 300n } })
})

test('a key that is revoked begins nothing more; what it had done is paid for', async () => {
  const job = await begin(2)
  await small.hands.work('score', 1, { mayBegin: async () => false })
  expect(await jobOf(job)).toMatchObject({
    state: 'paused',
    problems: [{ code: 'api_key_revoked' }],
    done: { results: 2, charge: 200n },
  })
  await resumeJob(await jobOf(job), small.batch.services)
  expect(await end(job)).toMatchObject({ state: 'published', done: { results: 5 } })
})

test('an alias that moves changes nothing for a job that was ordered before', async () => {
  const { catalog } = small.batch.services
  const job = await begin(2, { model: 'iris@stable' })
  const { manifest, ...entry } = catalog.find('iris')
  const aliased = {
    ...manifest,
    version: '2',
    artifact: { ...manifest.artifact, sha256: 'f'.repeat(64) },
  }
  const moved = createCatalog([
    { ...entry, manifest: { ...manifest, aliases: [] } },
    { ...entry, manifest: aliased },
  ])
  expect(modelKey(moved.find('iris', 'stable'))).toBe('iris@2')
  await small.hands.work('score', 5, { catalog: moved })
  const ended = await end(job)
  expect(ended).toMatchObject({
    state: 'published',
    order: { model: 'iris@1' },
    done: { results: 5 },
  })
  const { ledger } = small.batch.services
  expect((await ledger.entry('acme', `${job.id}-4`))?.sale).toMatchObject({
    model: 'iris@1',
    modelDigest: manifest.artifact.sha256,
  })
})

test('two who publish at once write one output', async () => {
  const job = await begin(5)
  await Promise.all([1, 2, 3].map(() => publishJob(job.id, 1, small.batch.services)))
  expect(await end(job)).toMatchObject({ state: 'published', done: { results: 5 } })
})

test('two who plan at once ask for the same chunks', async () => {
  const job = await small.batch.order({ model: 'iris' }, five)
  const coarse = {
    ...small.batch.services,
    chunkSizes: { bytes: () => 20, parquetRows: 1, listBytes: 9 },
  }
  await Promise.all([planJob(job.id, 1, small.batch.services), planJob(job.id, 1, coarse)])
  expect(await end(job)).toMatchObject({ state: 'published', done: { results: 5, charge: 500n } })
})

test('a mistake of this service fails the job in the end, and says so', async () => {
  const bytes = () => {
    throw new TypeError('Nobody has thought of this.')
  }
  const job = await small.batch.order({ model: 'iris' }, five)
  await small.hands.work('plan', 10, { chunkSizes: { bytes, parquetRows: 1, listBytes: 1 } })
  expect(await jobOf(job)).toMatchObject({ state: 'failed', problems: [{ code: 'internal' }] })
})

test.each([-300_000, 300_000])('clocks that are %i ms apart charge nothing twice', async (skew) => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const scenario = plainScenario({
      workers: 3,
      skewsMs: [0, skew, -skew],
      weather: { fault: 0.01, crash: 0.01, duplicate: 0.5, delayMs: 2_000, modelMs: 9_000 },
    })
    const { violations, job } = await simulateBatch(seed, { scenario })
    expect(violations, `seed ${seed}`).toEqual([])
    expect(job?.state).toBe('published')
  }
})

test.each([
  ['an empty file', '', 'jsonl'],
  ['a file of empty lines', '\n\n\r\n', 'jsonl'],
  ['a header without rows', 'sepal,petal\n', 'csv'],
] as const)('%s is a job without records, and has outputs', async (_, input, format) => {
  const object = { kind: 'object' as const, format }
  const job = await small.batch.order({ model: 'iris' }, input)
  if (job.order.input.kind !== 'object') throw new Error('It has one object.')
  const again = await small.batch.order(
    { model: 'iris', input: { ...object, object: job.order.input.object } },
    input,
  )
  for (const each of [job, again]) {
    expect((await end(each)).outputs.map(({ name }) => name)).toEqual(['results', 'manifest'])
  }
})

test.each([
  ['a gzip bomb', gzipSync(Buffer.alloc(300_000_000)), 'expan'],
  ['a gzip file that is cut off', gzipSync(Buffer.from(five)).subarray(0, 30), ''],
  ['a Parquet file with a wrong footer', Buffer.from('PAR1\0\0\0\0 nothing PAR1'), ''],
])('%s ends its job before it begins, and costs nothing', async (_, bytes) => {
  const job = await small.batch.order({ model: 'iris' }, bytes)
  await small.hands.workAll()
  expect(await jobOf(job)).toMatchObject({
    state: 'failed',
    problems: [{ code: 'batch_input_invalid' }],
    done: { charge: 0n },
  })
})

test('a chunk that was given up on, and is tried again twice, is charged once', async () => {
  const job = await begin(0)
  const { score } = small.batch.services.queues
  for (let dead = 0; dead < 5; ) {
    const deliveries = await score.receive({ limit: 10, visibilityMs: 60_000 })
    for (const delivery of deliveries) await score.hide(delivery, 0)
    dead = await score.deadCount()
  }
  expect(await score.redrive()).toBe(5)
  await small.hands.workAll()
  expect(await score.redrive()).toBe(0)
  expect(await end(job)).toMatchObject({ state: 'published', done: { results: 5, charge: 500n } })
})

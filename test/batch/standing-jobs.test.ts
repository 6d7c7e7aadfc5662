import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { auditJob } from '#shared/batch/audit-job.ts'
import type { Job } from '#shared/batch/job.ts'
import { progressOf } from '#shared/batch/job-progress.ts'
import { cancelJob } from '#shared/batch/manage-job.ts'
import { places } from '#shared/batch/places.ts'
import { readAll } from '#shared/batch/read-all.ts'
import { createReconciler } from '#shared/batch/reconcile.ts'
import type { Scorer } from '#shared/batch/scorer.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { refusal } from '#test/support/refusal.ts'
import { byHand, type Hands } from './by-hand.ts'
import { createLineScorer } from './chaos/line-scorer.ts'
import { type LocalBatch, openLocalBatch } from './local-batch.ts'

vi.setConfig({ testTimeout: 30_000 })

/** What could make a job stand still for ever, or look as if it did not. */
let batch: LocalBatch
let hands: Hands
beforeAll(async () => {
  const chunkSizes = { bytes: () => 9, parquetRows: 2, listBytes: 100 }
  batch = await openLocalBatch({ idle: true, chunkSizes })
  hands = byHand(batch.services)
})
afterAll(() => batch.close())

const three = '"text 1"\n"text 2"\n"text 3"\n'

async function jobOf({ id }: Pick<Job, 'id'>): Promise<Job> {
  const job = await batch.services.jobs.find(id)
  if (!job) throw new Error('The job is gone.')
  return job
}

test('who publishes a stopped job waits for its chunks, however long, and is not given up on', async () => {
  const running = Promise.withResolvers<void>()
  const lines = createLineScorer()
  const slow: Scorer = {
    ...lines,
    async open(work) {
      const chunk = await lines.open(work)
      return { ...chunk, score: () => running.promise.then(() => chunk.score()) }
    },
  }
  const job = await batch.order({ model: 'iris' }, three)
  await hands.work('plan')
  await hands.work('score', 2)
  const scoring = byHand(batch.services, slow).work('score', 1)
  const reserved = async () => (await batch.services.ledger.find('acme', `${job.id}-2`))?.state
  await expect.poll(reserved).toBe('reserved')
  await cancelJob(await jobOf(job), batch.services)
  await hands.work('publish')
  const again = await batch.services.queues.publish.receive({
    limit: 1,
    visibilityMs: 1,
    waitMs: 5_000,
  })
  expect(again).toMatchObject([{ receives: 1 }])
  expect((await jobOf(job)).state).toBe('cancelling')
  running.resolve()
  await scoring
  await hands.workAll()
  expect(await jobOf(job)).toMatchObject({ state: 'cancelled', done: { results: 3 } })
})

test('a job whose model cannot be fetched is paused, and says why', async () => {
  const lines = createLineScorer()
  const open: Scorer['open'] = async () => {
    throw new ServiceError('artifact_not_found')
  }
  const job = await batch.order({ model: 'iris' }, '"text"\n')
  await hands.work('plan')
  await byHand(batch.services, { ...lines, open }).work('score', 4)
  expect(await jobOf(job)).toMatchObject({
    state: 'paused',
    problems: [{ code: 'artifact_not_found' }],
  })
})

test('the pace of a cancelled job is that of the time when it was scored', async () => {
  const order = await batch.order({ model: 'iris' }, three)
  await hands.work('plan')
  await hands.work('score', 2)
  await new Promise((resolve) => setTimeout(resolve, 5))
  await cancelJob(await jobOf(order), batch.services)
  await hands.workAll()
  const job = await jobOf(order)
  expect(progressOf(job, job.changedAt + 3_600_000)).toEqual(progressOf(job, job.changedAt))
})

test('a job whose time is over ends also where objects cannot be listed', async () => {
  const job = await batch.order({ model: 'iris', expiresAt: 1 }, three)
  const list = async () => {
    throw new ServiceError('store_unavailable')
  }
  const objects = { ...batch.services.objects, list }
  const reconcile = createReconciler({ ...batch.services, objects })
  await expect(reconcile()).rejects.toEqual(refusal('store_unavailable'))
  expect((await jobOf(job)).state).toBe('expiring')
})

test('an object that this service cannot cope with keeps no other from becoming a job', async () => {
  const { catalog, objects, jobs } = batch.services
  await objects.put('incoming/acme/fashion/a.jsonl', Buffer.from(three))
  await objects.put('incoming/acme/iris/b.jsonl', Buffer.from(three))
  const broken: typeof catalog = {
    ...catalog,
    find(name, version) {
      if (name === 'fashion') throw new TypeError('A mistake.')
      return catalog.find(name, version)
    },
  }
  const refused: string[] = []
  await createReconciler(
    { ...batch.services, catalog: broken },
    { onRefused: (key) => refused.push(key) },
  )()
  expect(refused).toEqual(['incoming/acme/fashion/a.jsonl'])
  const [newest] = (await jobs.list({ tenant: 'acme', limit: 1 })).jobs
  expect(newest?.order.input).toMatchObject({ object: { key: 'incoming/acme/iris/b.jsonl' } })
})

test.each(['uploads/acme/.hidden', `uploads/acme/${'x'.repeat(1_000)}`])(
  'an input whose name gives its outputs no place is refused before it is scored (%s)',
  async (prefix) => {
    const order = batch.order({ model: 'iris', input: { kind: 'prefix', prefix } }, '')
    await expect(order).rejects.toEqual(refusal('object_key_invalid'))
  },
)

test('the audit finds a plan that leaves out the end of its input', async () => {
  const job = await batch.order({ model: 'iris' }, three)
  await hands.workAll()
  const { objects } = batch.services
  const cut: typeof objects = {
    ...objects,
    async *read(object, range) {
      if (object.key !== places.plan(job.id)) return yield* objects.read(object, range)
      const plan = JSON.parse((await readAll(objects.read(object))).toString())
      plan.chunks.at(-1).end -= 1
      yield Buffer.from(JSON.stringify(plan))
    },
  }
  expect(await auditJob(await jobOf(job), { ...batch.services, objects: cut })).toMatchObject([
    { rule: 'input-covered' },
  ])
})

import { expect, test, vi } from 'vitest'
import { auditJob } from '#shared/batch/audit-job.ts'
import { progressOf } from '#shared/batch/job-progress.ts'
import { cancelJob } from '#shared/batch/manage-job.ts'
import { places } from '#shared/batch/places.ts'
import { readAll } from '#shared/batch/read-all.ts'
import { createReconciler } from '#shared/batch/reconcile.ts'
import type { Scorer } from '#shared/batch/scorer.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { refusal } from '#test/support/refusal.ts'
import { byHand } from './by-hand.ts'
import { aroundScore } from './chaos/around-score.ts'
import { createLineScorer } from './chaos/line-scorer.ts'
import { useSmallJobs } from './small-jobs.ts'

vi.setConfig({ testTimeout: 30_000 })

/** What could make a job stand still for ever, or look as if it did not. */
const small = useSmallJobs()
const { begin, jobOf } = small
const three = '"text 1"\n"text 2"\n"text 3"\n'

test('who publishes a stopped job waits for its chunks, however long, and is not given up on', async () => {
  const running = Promise.withResolvers<void>()
  const slow = aroundScore(createLineScorer(), (score) => running.promise.then(score))
  const job = await begin(2, {}, three)
  const scoring = byHand(small.batch.services, slow).work('score', 1)
  const reserved = async () =>
    (await small.batch.services.ledger.find('acme', `${job.id}-2`))?.state
  await expect.poll(reserved).toBe('reserved')
  await cancelJob(await jobOf(job), small.batch.services)
  await small.hands.work('publish')
  const again = await small.batch.services.queues.publish.receive({
    limit: 1,
    visibilityMs: 1,
    waitMs: 5_000,
  })
  expect(again).toMatchObject([{ receives: 1 }])
  expect((await jobOf(job)).state).toBe('cancelling')
  running.resolve()
  await scoring
  await small.hands.workAll()
  expect(await jobOf(job)).toMatchObject({ state: 'cancelled', done: { results: 3 } })
})

test('a job whose model cannot be fetched is paused, and says why', async () => {
  const lines = createLineScorer()
  const open: Scorer['open'] = async () => {
    throw new ServiceError('artifact_not_found')
  }
  const job = await begin(0, {}, '"text"\n')
  await byHand(small.batch.services, { ...lines, open }).work('score', 4)
  expect(await jobOf(job)).toMatchObject({
    state: 'paused',
    problems: [{ code: 'artifact_not_found' }],
  })
})

test('the pace of a cancelled job is that of the time when it was scored', async () => {
  const order = await begin(2, {}, three)
  await new Promise((resolve) => setTimeout(resolve, 5))
  await cancelJob(await jobOf(order), small.batch.services)
  await small.hands.workAll()
  const job = await jobOf(order)
  expect(progressOf(job, job.changedAt + 3_600_000)).toEqual(progressOf(job, job.changedAt))
})

test('a job whose time is over ends also where objects cannot be listed', async () => {
  const job = await small.batch.order({ model: 'iris', expiresAt: 1 }, three)
  const list = async () => {
    throw new ServiceError('store_unavailable')
  }
  const objects = { ...small.batch.services.objects, list }
  const reconcile = createReconciler({ ...small.batch.services, objects })
  await expect(reconcile()).rejects.toEqual(refusal('store_unavailable'))
  expect((await jobOf(job)).state).toBe('expiring')
})

test('an object that this service cannot cope with keeps no other from becoming a job', async () => {
  const { catalog, objects, jobs } = small.batch.services
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
    { ...small.batch.services, catalog: broken },
    { onRefused: (key) => refused.push(key) },
  )()
  expect(refused).toEqual(['incoming/acme/fashion/a.jsonl'])
  const [newest] = (await jobs.list({ tenant: 'acme', limit: 1 })).jobs
  expect(newest?.order.input).toMatchObject({ object: { key: 'incoming/acme/iris/b.jsonl' } })
})

test.each(['uploads/acme/.hidden', `uploads/acme/${'x'.repeat(1_000)}`])(
  'an input whose name gives its outputs no place is refused before it is scored (%s)',
  async (prefix) => {
    const order = small.batch.order({ model: 'iris', input: { kind: 'prefix', prefix } }, '')
    await expect(order).rejects.toEqual(refusal('object_key_invalid'))
  },
)

test('the audit finds a plan that leaves out the end of its input', async () => {
  const job = await small.batch.order({ model: 'iris' }, three)
  await small.hands.workAll()
  const { objects } = small.batch.services
  const cut: typeof objects = {
    ...objects,
    async *read(object, range) {
      if (object.key !== places.plan(job.id)) return yield* objects.read(object, range)
      const plan = JSON.parse((await readAll(objects.read(object))).toString())
      plan.chunks.at(-1).end -= 1
      yield Buffer.from(JSON.stringify(plan))
    },
  }
  expect(await auditJob(await jobOf(job), { ...small.batch.services, objects: cut })).toMatchObject(
    [{ rule: 'input-covered' }],
  )
})

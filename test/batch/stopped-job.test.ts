import { afterAll, beforeAll, expect, test } from 'vitest'
import { auditJob } from '#shared/batch/audit-job.ts'
import type { Job } from '#shared/batch/job.ts'
import { expireJob, resumeJob } from '#shared/batch/manage-job.ts'
import { readPlan } from '#shared/batch/read-plan.ts'
import { batchAnswer } from '#shared/protocols/openai-batch.ts'
import { type LocalBatch, openLocalBatch } from './local-batch.ts'

let batch: LocalBatch
beforeAll(async () => {
  batch = await openLocalBatch({
    chunkSizes: { bytes: () => 1_000, parquetRows: 10, listBytes: 500 },
    size: 1,
  })
})
afterAll(() => batch.close())

const url = '/v1/models/spam/predict'
const ids = Array.from({ length: 60 }, (_, at) => `call-${at}`)
const calls = ids
  .map((id) => `${JSON.stringify({ custom_id: id, method: 'POST', url, body: { inputs: id } })}\n`)
  .join('')

/** A batch of sixty calls, of which the cap lets about half be answered. */
const pausedBatch = async (): Promise<Job> => {
  const order = { model: 'spam', records: { kind: 'call', url }, maxCharge: 3_000n } as const
  const job = await batch.finish(await batch.order(order, calls))
  expect(job).toMatchObject({ state: 'paused', problems: [{ code: 'spend_cap_reached' }] })
  expect(job.done.charge).toBeGreaterThan(0n)
  expect(job.done.charge).toBeLessThanOrEqual(3_000n)
  return job
}
const linesOf = async (job: Job, name: 'results' | 'errors') =>
  (await batch.output(job, name))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))

test('a batch whose time is over keeps what is answered, and tells of every other call', async () => {
  const paused = await pausedBatch()
  await expireJob(paused, batch.services)
  const job = await batch.finish(await stateAfter(paused))
  expect(job).toMatchObject({ state: 'expired', done: { charge: paused.done.charge } })
  const answered = await linesOf(job, 'results')
  const expired = await linesOf(job, 'errors')
  expect(answered).toHaveLength(paused.done.results)
  const idsOf = (lines: { custom_id: string }[]) => lines.map(({ custom_id }) => custom_id)
  expect([...idsOf(answered), ...idsOf(expired)].toSorted()).toEqual(ids.toSorted())
  expect(expired[0]).toEqual({
    id: `batch_req_${job.id.slice(4)}_${answered.length + 1}`,
    custom_id: ids[answered.length],
    response: null,
    error: { code: 'batch_expired', message: expect.stringContaining('time of the batch') },
  })
  const { records: total = 0 } = await readPlan(job.id, batch.services.objects)
  const files = { outputFileId: 'file-1', errorFileId: 'file-2' }
  expect(batchAnswer(job, { total, ...files })).toMatchObject({
    status: 'expired',
    request_counts: { total: 60, completed: answered.length, failed: expired.length },
  })
  expect(await auditJob(job, batch.services)).toEqual([])
})

test('a job whose input is gone when its time is over still ends', async () => {
  const paused = await pausedBatch()
  const { input } = paused.order
  if (input.kind === 'object') await batch.services.objects.remove(input.object.key)
  await expireJob(paused, batch.services)
  const job = await batch.finish(await stateAfter(paused))
  expect(job.state).toBe('expired')
  const gone = await linesOf(job, 'errors')
  expect(gone.every(({ error }) => error.code === 'object_gone')).toBe(true)
  expect(gone.length).toBe(60 - job.done.results)
  expect(await auditJob(job, batch.services)).toEqual([])
})

test('a job goes on under a higher cap where it stopped, and stays below that', async () => {
  const paused = await pausedBatch()
  const low = resumeJob(paused, batch.services, { raisedCharge: 2_999n })
  await expect(low).rejects.toMatchObject({ code: 'amount_invalid' })
  const more = await batch.finish(await resumeJob(paused, batch.services, { raisedCharge: 4_500n }))
  expect(more.state).toBe('paused')
  expect(more.done.charge).toBeGreaterThan(paused.done.charge)
  expect(more.done.charge).toBeLessThanOrEqual(4_500n)
  // Without a new amount the raised one stays.
  const still = await batch.finish(await resumeJob(more, batch.services))
  expect(still).toMatchObject({ state: 'paused', raisedCharge: 4_500n })
  const job = await batch.finish(await resumeJob(still, batch.services, { raisedCharge: 6_000n }))
  expect(job).toMatchObject({ state: 'published', done: { results: 60, charge: 6_000n } })
  expect(await auditJob(job, batch.services)).toEqual([])
  await expect(resumeJob(job, batch.services)).rejects.toMatchObject({ code: 'job_not_paused' })
})

test('a cap is raised before it is reached, and none is set on a job without one', async () => {
  const { id } = await pausedBatch()
  const at = Date.now()
  const scoring = await batch.services.jobs.change(id, ['paused'], { state: 'scoring', at })
  const raised = await resumeJob(scoring as Job, batch.services, { raisedCharge: 6_000n })
  expect(raised).toMatchObject({ state: 'scoring', raisedCharge: 6_000n })
  expect(await batch.finish(raised)).toMatchObject({ state: 'published', done: { results: 60 } })
  const free = await batch.order({ model: 'spam' }, '"a"')
  const capped = resumeJob(free, batch.services, { raisedCharge: 6_000n })
  await expect(capped).rejects.toMatchObject({ code: 'amount_invalid' })
  await batch.finish(free)
})

const stateAfter = async ({ id }: Job) => (await batch.services.jobs.find(id)) as Job

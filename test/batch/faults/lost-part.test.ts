import { describe, expect, test, vi } from 'vitest'
import { costOf, type Job } from '#shared/batch/job.ts'
import { cancelJob } from '#shared/batch/manage-job.ts'
import { publishJob } from '#shared/batch/publish-job.ts'
import { batchAnswer } from '#shared/protocols/openai-batch.ts'
import { useSmallJobs } from '../small-jobs.ts'

vi.setConfig({ testTimeout: 60_000 })

const jobs = useSmallJobs()

describe.each(['deleted', 'damaged'])('a part that is %s after it was paid for', (what) => {
  const attempts = 4
  async function lose(job: Job): Promise<void> {
    const [report] = await jobs.batch.services.jobs.reports(job.id, 1, 1)
    if (!report) throw new Error('Nothing was scored.')
    const { key, sizeBytes } = report.part
    if (what === 'deleted') await jobs.batch.services.objects.remove(key)
    else await jobs.batch.services.objects.put(key, Buffer.alloc(sizeBytes, 'x'))
  }
  const publish = async (job: Job) => {
    for (let receives = 1; receives < attempts; receives += 1) {
      await expect(publishJob(job.id, receives, jobs.batch.services)).rejects.toThrow(
        'part of the job',
      )
    }
    await publishJob(job.id, attempts, jobs.batch.services)
  }

  test('fails its job, whose owner is told why and gets all of his money back', async () => {
    const { ledger, objects } = jobs.batch.services
    const before = await ledger.account('acme')
    const job = await jobs.begin(5)
    await lose(job)
    await publish(job)
    const ended = await jobs.end(job)
    expect(ended).toMatchObject({
      state: 'failed',
      outputs: [],
      problems: [{ code: 'results_lost', message: expect.stringContaining('part of the job') }],
    })
    expect(costOf(ended)).toBe(0n)
    const files = { outputFileId: undefined, errorFileId: undefined }
    expect(batchAnswer(ended, { total: 5, ...files })).toMatchObject({
      status: 'failed',
      errors: { data: [{ code: 'results_lost', line: null }] },
    })
    const after = await ledger.account('acme')
    expect((after?.spent ?? 0n) - (before?.spent ?? 0n)).toBe(500n)
    expect((after?.available ?? 0n) - (before?.available ?? 0n)).toBe(500n)
    expect(await objects.head(`${job.order.output.prefix}_SUCCESS`)).toBeUndefined()
    // Whoever hears of it again gives nothing back a second time.
    await publishJob(job.id, 1, jobs.batch.services)
    expect(await ledger.account('acme')).toEqual(after)
  })

  test('fails a cancelled job, and refunds what had been scored of it', async () => {
    const job = await jobs.begin(3)
    await cancelJob(job, jobs.batch.services)
    await lose(job)
    await publish(job)
    expect(await jobs.end(job)).toMatchObject({ state: 'failed', done: { charge: 300n } })
  })

  test('is refunded as far as nobody has done so before', async () => {
    const { ledger } = jobs.batch.services
    const job = await jobs.begin(5)
    const charge = await ledger.entry('acme', `${job.id}-0`)
    if (!charge) throw new Error('It was not charged.')
    const refund = { ...charge, id: 'by hand', type: 'refund' as const, reference: charge.id }
    await ledger.post({ ...refund, id: `by hand ${what}`, amount: 40n, units: {} })
    const before = await ledger.account('acme')
    await lose(job)
    await publish(job)
    expect((await jobs.end(job)).state).toBe('failed')
    const after = await ledger.account('acme')
    expect((after?.available ?? 0n) - (before?.available ?? 0n)).toBe(460n)
  })
})

test('a part that somebody has damaged is never published', async () => {
  const job = await jobs.begin(4)
  const [report] = await jobs.batch.services.jobs.reports(job.id, 0, 1)
  if (!report) throw new Error('Nothing was scored.')
  const bytes = Buffer.alloc(report.part.sizeBytes, 'x')
  await jobs.batch.services.objects.put(report.part.key, bytes)
  await jobs.hands.work('score')
  await expect(publishJob(job.id, 1, jobs.batch.services)).rejects.toThrow('not what was settled')
  const { prefix } = job.order.output
  expect(await jobs.batch.services.objects.list(prefix, { limit: 10 })).toEqual({ objects: [] })
})

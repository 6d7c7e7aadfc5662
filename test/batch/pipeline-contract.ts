import { afterAll, beforeAll, expect, test } from 'vitest'
import { auditJob } from '#shared/batch/audit-job.ts'
import { cancelJob } from '#shared/batch/manage-job.ts'
import { receiveObject } from '#shared/batch/receive-object.ts'
import { createRandom } from '#test/simulator/random.ts'
import { faultyBatch } from './chaos/faulty-batch.ts'
import { irisRows } from './chaos/iris-rows.ts'
import type { LocalBatch, LocalBatchOptions } from './local-batch.ts'

/** What batches promise, whatever stores they stand on. */
export function describePipeline(open: (options: LocalBatchOptions) => Promise<LocalBatch>): void {
  const chunkSizes = { bytes: () => 500, parquetRows: 50, listBytes: 500 }
  let batch: LocalBatch
  beforeAll(async () => {
    batch = await open({ chunkSizes })
  })
  afterAll(() => batch?.close())

  const texts = Array.from({ length: 100 }, (_, index) => `Win a prize number ${index}, call now`)

  test('scores every record of a file once and in order, and charges for each', async () => {
    const ordered = await batch.order(
      { model: 'spam' },
      texts.map((text) => `${JSON.stringify({ text, id: `n${text.length}` })}\n`).join(''),
    )
    const job = await batch.finish(ordered)
    expect(job).toMatchObject({
      state: 'published',
      problems: [],
      done: { results: 100, errors: 0 },
    })
    expect(job.chunks).toBeGreaterThan(5)
    const lines = (await batch.output(job, 'results')).trim().split('\n')
    const records = lines.map((line) => JSON.parse(line))
    expect(records.map(({ record }) => record)).toEqual(texts.map((_, index) => index + 1))
    expect(records[0]).toMatchObject({ record: 1, outputs: [{ label: 'spam' }, { label: 'ham' }] })
    expect(await auditJob(job, batch.services)).toEqual([])
    expect(job.done.charge).toBe(10_000n)
  })

  test('a bad line costs one error that names line, byte offset and reason', async () => {
    const input = '"fine"\n\n{"text": 5}\nnot json\n"fine again"'
    const job = await batch.finish(await batch.order({ model: 'spam' }, input))
    expect(job.done).toMatchObject({ results: 2, errors: 2, charge: 200n })
    const errors = (await batch.output(job, 'errors')).trim().split('\n')
    expect(errors.map((line) => JSON.parse(line))).toMatchObject([
      { record: 2, line: 3, offset: 8, error: { code: 'input_invalid' } },
      { record: 3, line: 4, offset: 20, error: { code: 'json_invalid' } },
    ])
  })

  test('an object that is told of five times at once is one job', async () => {
    const key = 'incoming/acme/iris/told.jsonl'
    await batch.services.objects.put(key, irisRows(50))
    const jobs = await Promise.all(
      Array.from({ length: 5 }, () => receiveObject(key, batch.services)),
    )
    expect(new Set(jobs.map((job) => job?.id)).size).toBe(1)
    const [job] = jobs
    if (!job) throw new Error('There was no job.')
    const ended = await batch.finish(job)
    expect(ended).toMatchObject({ state: 'published', done: { charge: 4_900n } })
    expect(await auditJob(ended, batch.services)).toEqual([])
  })

  test('a job that is cancelled is paid for as far as it is published', async () => {
    const job = await batch.order({ model: 'iris' }, irisRows(3_000))
    while ((await batch.services.jobs.find(job.id))?.state === 'planning') await batch.moment()
    await cancelJob(job, batch.services)
    const ended = await batch.finish(job)
    expect(ended.state).toBe('cancelled')
    expect(ended.done.charge).toBe(BigInt(ended.done.results) * 100n)
    expect(await auditJob(ended, batch.services)).toEqual([])
  })

  test('stores that fail, and messages that come late and twice, change no byte', async () => {
    const input = irisRows(1_500)
    const calm = await batch.finish(await batch.order({ model: 'iris' }, input))
    const stormy = await open({
      chunkSizes: { ...chunkSizes, bytes: () => 3_000 },
      weather: (services) => faultyBatch(services, createRandom(3), { share: 0.02 }),
    })
    try {
      const job = await stormy.finish(await stormy.order({ model: 'iris' }, input))
      expect(job).toMatchObject({ state: 'published', done: { charge: 148_500n } })
      expect(await auditJob(job, stormy.services)).toEqual([])
      for (const name of ['results', 'errors'] as const) {
        expect(await stormy.output(job, name)).toBe(await batch.output(calm, name))
      }
    } finally {
      await stormy.close()
    }
  })
}

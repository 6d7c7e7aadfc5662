import { afterAll, beforeAll, expect, test } from 'vitest'
import { auditJob } from '#shared/batch/audit-job.ts'
import { type LocalBatch, openLocalBatch } from './local-batch.ts'

let batch: LocalBatch
beforeAll(async () => {
  batch = await openLocalBatch({
    chunkSizes: { bytes: () => 500, parquetRows: 50, listBytes: 500 },
  })
})
afterAll(() => batch.close())

const texts = Array.from({ length: 100 }, (_, index) => `Win a prize number ${index}, call now`)

test('scores every record of a file once and in order, and charges for each', async () => {
  const ordered = await batch.order(
    { model: 'spam' },
    texts.map((text) => `${JSON.stringify({ text, id: `n${text.length}` })}\n`).join(''),
  )
  const job = await batch.finish(ordered)
  expect(job).toMatchObject({ state: 'published', problems: [], done: { results: 100, errors: 0 } })
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

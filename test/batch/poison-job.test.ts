import { expect, test, vi } from 'vitest'
import { auditJob } from '#shared/batch/audit-job.ts'
import { createCatalog } from '#shared/catalog/catalog.ts'
import { byHand } from './by-hand.ts'
import { openLocalBatch } from './local-batch.ts'
import { greedyOnnx, hangingOnnx, harmlessOnnx, poison } from './scoring/poison-models.ts'
import { openScorer, testModel } from './scoring/score-text.ts'

// A process takes 0.1 s of CPU to start, and here some die.
vi.setConfig({ testTimeout: 120_000 })

test.each([
  ['hangs the model', hangingOnnx(), 9e15, 'record_timed_out'],
  ['eats the memory', greedyOnnx(), 40, 'record_out_of_memory'],
  ['kills the process', harmlessOnnx(), poison.crash, 'record_crashed'],
])('a record that %s costs its job one error line, and no more', async (_, bytes, value, code) => {
  const model = testModel(bytes)
  const { scorer } = openScorer(model, { runTimeoutMs: 400 })
  const batch = await openLocalBatch({
    idle: true,
    chunkSizes: { bytes: () => 200, parquetRows: 1, listBytes: 1 },
  })
  try {
    const catalog = createCatalog([model.entry])
    const services = { ...batch.services, catalog }
    const records = Array.from({ length: 40 }, (_, at) => [at === 17 ? value : at / 64, 0.5, 0, 0])
    const hands = byHand(services, scorer)
    const input = records.map((record) => `${JSON.stringify(record)}\n`).join('')
    const { id } = await batch.order({ model: model.entry.manifest.name }, input, { catalog })
    await hands.workAll()
    const job = await services.jobs.find(id)
    expect(job).toMatchObject({ state: 'published', done: { results: 39, errors: 1 } })
    if (!job) throw new Error('The job is gone.')
    expect(JSON.parse(await batch.output(job, 'errors'))).toMatchObject({
      record: 18,
      line: 18,
      error: { code },
    })
    expect(await auditJob(job, services)).toEqual([])
  } finally {
    await scorer.close()
    await batch.close()
  }
})

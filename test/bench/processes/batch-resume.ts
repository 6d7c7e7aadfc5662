import { openLocalBatch } from '#test/batch/local-batch.ts'
import { batchInput } from '../harness/batch-input.ts'
import { cacheFolder } from '../harness/cache-folder.ts'
import { clock } from '../harness/clock.ts'
import { storeBatch } from '../harness/order-batch.ts'
import { tell } from '../harness/tell.ts'

/**
 * A host that is killed in the middle of a job, and the one that is started after it.
 *
 * Arguments: `begin` or `resume`, and the home that both have.
 */
const [, , part = '', home = ''] = process.argv
const start = clock()
const model = 'language-id'
const { services } = await openLocalBatch({ home, models: cacheFolder('batch-models') })

async function jobNow() {
  const [job] = (await services.jobs.list({ tenant: 'acme', limit: 1 })).jobs
  if (!job) throw new Error('There is no job.')
  return job
}

async function waitFor(chunks: number): Promise<void> {
  while ((await jobNow()).done.chunks < chunks) await new Promise((done) => setTimeout(done, 2))
}

if (part === 'begin') {
  const stored = await storeBatch(batchInput(services.catalog.find(model)), 40_000, services)
  await stored.order(model)
  await waitFor(8)
  tell({})
} else {
  const before = await jobNow()
  await waitFor(before.done.chunks + 1)
  tell({ done: before.done.chunks, chunks: before.chunks, nextMs: clock() - start })
  process.exit()
}

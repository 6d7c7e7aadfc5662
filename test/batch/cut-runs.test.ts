import { gzipSync } from 'node:zlib'
import { afterAll, expect, test, vi } from 'vitest'
import { auditJob } from '#shared/batch/audit-job.ts'
import type { Stage } from '#shared/batch/batch-services.ts'
import type { JobRequest } from '#shared/batch/order-job.ts'
import type { PublishingServices } from '#shared/batch/publish-job.ts'
import { irisRows } from './chaos/iris-rows.ts'
import { type LocalBatch, openLocalBatch } from './local-batch.ts'

vi.setConfig({ testTimeout: 120_000 })

/** So small that there are many steps: chunks, and blocks of what is unpacked. */
const chunkSizes = { bytes: () => 3_000, parquetRows: 50, listBytes: 500 }
const opened: LocalBatch[] = []
afterAll(() => Promise.all(opened.map((batch) => batch.close())))

const messages = { plan: 0, score: 0, publish: 0 }
/** Every run of a function is told that its time is over. */
function hasty(services: PublishingServices): PublishingServices {
  const counting = (stage: Stage) => ({
    ...services.queues[stage],
    send(...sent: Parameters<PublishingServices['queues']['plan']['send']>) {
      messages[stage] += sent[0].length
      return services.queues[stage].send(...sent)
    },
  })
  const { score } = services.queues
  return {
    ...services,
    until: 0,
    queues: { plan: counting('plan'), score, publish: counting('publish') },
  }
}

async function open(weather?: (services: PublishingServices) => PublishingServices) {
  const batch = await openLocalBatch({ chunkSizes, ...(weather && { weather }) })
  opened.push(batch)
  return batch
}

const input = Buffer.concat([irisRows(1_200), Buffer.from('no JSON\n'), irisRows(300)])
const orders: [string, JobRequest['output']][] = [
  ['lines', { format: 'jsonl', join: false }],
  ['a table, packed', { format: 'csv', join: true, compression: 'gzip' }],
  ['Parquet', { format: 'parquet', join: false }],
]

test.each(orders)('%s come out the same when every run is cut short', async (_, output) => {
  const [calm, cut] = [await open(), await open(hasty)]
  messages.plan = messages.publish = 0
  const [whole, pieced] = await Promise.all(
    [calm, cut].map(async (batch) =>
      batch.finish(await batch.order({ model: 'iris', output }, gzipSync(input))),
    ),
  )
  if (!whole || !pieced) throw new Error('A job is missing.')
  expect(pieced).toMatchObject({ state: 'published', done: whole.done })
  for (const [at, { name, sha256, sizeBytes }] of whole.outputs.slice(0, 2).entries()) {
    expect(pieced.outputs[at]).toMatchObject({ name, sha256, sizeBytes })
  }
  expect(await auditJob(pieced, cut.services)).toEqual([])
  // It was cut: once a chunk for the results alone, and behind each block that was unpacked.
  expect(messages.publish).toBeGreaterThan(whole.chunks)
  expect(messages.plan).toBeGreaterThanOrEqual(Math.ceil(input.length / 16_384))
})

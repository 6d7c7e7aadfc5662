import { createHash } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import { expect, test, vi } from 'vitest'
import { auditJob } from '#shared/batch/audit-job.ts'
import { unpack } from '#shared/batch/formats/unpack.ts'
import { readAll } from '#shared/batch/read-all.ts'
import { byHand } from './by-hand.ts'
import { openLocalBatch } from './local-batch.ts'

vi.setConfig({ testTimeout: 60_000 })

/** A record of every few is an error. */
const lines = Array.from({ length: 60 }, (_, at) => (at % 7 === 3 ? 'no json' : `"text ${at}"`))
const input = `${lines.join('\n')}\n`

async function outputsOf(
  chunkBytes: number,
  compression: 'gzip' | 'zstd',
  format: 'jsonl' | 'csv',
) {
  const chunkSizes = { bytes: () => chunkBytes, parquetRows: 2, listBytes: 100 }
  const batch = await openLocalBatch({ idle: true, chunkSizes })
  try {
    const output = { format, compression, join: true }
    const { id } = await batch.order({ model: 'iris', output }, input)
    await byHand(batch.services).workAll()
    const job = await batch.services.jobs.find(id)
    if (job?.state !== 'published') throw new Error(`The job is ${job?.state}.`)
    const found = job.outputs.find(({ name }) => name === 'results')
    const { objects } = batch.services
    const object = found && (await objects.head(found.key))
    if (!object) throw new Error('There are no results.')
    const bytes = await readAll(objects.read(object))
    return {
      key: object.key.split('/').at(-1),
      bytes,
      chunks: job.chunks,
      breaches: await auditJob(job, batch.services),
      manifest: JSON.parse(await batch.output(job, 'manifest')),
    }
  } finally {
    await batch.close()
  }
}

test.each([
  ['gzip', 'jsonl', 'results.jsonl.gz'],
  ['zstd', 'jsonl', 'results.jsonl.zst'],
  ['zstd', 'csv', 'results.csv.zst'],
] as const)(
  'results packed with %s as %s are the same bytes however the input is cut',
  async (compression, format, name) => {
    const few = await outputsOf(100_000, compression, format)
    const many = await outputsOf(30, compression, format)
    expect([few.chunks, many.chunks > 10]).toEqual([1, true])
    const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')
    expect(digest(many.bytes)).toBe(digest(few.bytes))
    expect([few.key, many.key]).toEqual([name, name])
    expect([...few.breaches, ...many.breaches]).toEqual([])
    expect(few.manifest).toMatchObject({ results: 51, compression: { name: compression } })
    async function* stream() {
      yield few.bytes
    }
    const text = await readAll(unpack(stream(), { compression, packedBytes: few.bytes.length }))
    expect(text.toString().trimEnd().split('\n')).toHaveLength(format === 'csv' ? 52 : 51)
    if (compression === 'gzip') expect(gunzipSync(few.bytes).equals(text)).toBe(true)
  },
)

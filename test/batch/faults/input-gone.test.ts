import { parquetWriteBuffer } from 'hyparquet-writer'
import { describe, expect, test, vi } from 'vitest'
import { five, useSmallJobs } from '../small-jobs.ts'

vi.setConfig({ testTimeout: 60_000 })

const jobs = useSmallJobs()

const callUrl = '/v1/models/iris/predict'
const callsOf = (count: number) =>
  Array.from(
    { length: count },
    (_, at) => `{"custom_id":"${at}","method":"POST","url":"${callUrl}","body":{}}\n`,
  ).join('')

async function parquetOf(rows: number): Promise<Uint8Array> {
  const data = Array.from({ length: rows }, (_, at) => `text ${at}`)
  const columnData = [{ name: 'text', data, type: 'STRING' as const }]
  return new Uint8Array(parquetWriteBuffer({ columnData }))
}

describe.each(['overwritten', 'deleted'])('an input that is %s while it is scored', (what) => {
  test('costs one error for each range that cannot be read, and what was scored is paid', async () => {
    const job = await jobs.begin(2)
    if (job.order.input.kind !== 'object') throw new Error('It has one object.')
    const { key } = job.order.input.object
    if (what === 'deleted') await jobs.batch.services.objects.remove(key)
    else await jobs.batch.services.objects.put(key, Buffer.from(five.replaceAll('text', 'next')))
    const ended = await jobs.end(job)
    expect(ended).toMatchObject({
      state: 'published',
      done: { results: 2, errors: 3, charge: 200n },
    })
    const errors = await jobs.linesOf(ended, 'errors')
    expect(errors).toMatchObject([
      { record: 3, offset: 18, end: 27, error: { code: 'object_gone' } },
      { record: 4, offset: 27, end: 36, error: { code: 'object_gone' } },
      { record: 5, offset: 36, end: 45, error: { code: 'object_gone' } },
    ])
    // Whoever counts bytes and not lines finds them all.
    expect(JSON.parse(await jobs.batch.output(ended, 'manifest'))).toMatchObject({
      errors: 3,
      not_scored: [],
      not_read: [
        { start: 18, end: 27 },
        { start: 27, end: 36 },
        { start: 36, end: 45 },
      ],
    })
  })

  test.each([
    ['rows of Parquet', () => parquetOf(5), { model: 'iris' }],
    [
      'lines with ids',
      () => five.replaceAll(/"(text .)"/g, '{"custom_id":"$1","text":"$1"}'),
      { model: 'iris' },
    ],
    [
      'calls',
      () => callsOf(5),
      { model: 'iris', records: { kind: 'call', url: callUrl } as const },
    ],
  ])(
    'costs one error for each of its records where they were counted: %s',
    async (_, input, request) => {
      const coarse = { bytes: () => 170, parquetRows: 2, listBytes: 100 }
      const job = await jobs.batch.order(request, await input())
      await jobs.hands.work('plan', 1, { chunkSizes: coarse })
      if (job.order.input.kind !== 'object') throw new Error('It has one object.')
      const { key } = job.order.input.object
      if (what === 'deleted') await jobs.batch.services.objects.remove(key)
      else await jobs.batch.services.objects.put(key, Buffer.from('other'))
      const ended = await jobs.end(job)
      expect(ended.chunks).toBeGreaterThan(1)
      expect(ended.chunks).toBeLessThan(5)
      expect(ended).toMatchObject({
        state: 'published',
        done: { results: 0, errors: 5, charge: 0n },
      })
      const errors = await jobs.linesOf(ended, 'errors')
      expect(errors).toHaveLength(5)
      expect(errors.every((line) => JSON.stringify(line).includes('object_gone'))).toBe(true)
      expect(JSON.parse(await jobs.batch.output(ended, 'manifest')).not_read).toEqual([])
    },
  )
})

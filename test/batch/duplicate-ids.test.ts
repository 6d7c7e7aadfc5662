import fc from 'fast-check'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createIdTable } from '#shared/batch/id-table.ts'
import type { Job } from '#shared/batch/job.ts'
import { byHand, type Hands } from './by-hand.ts'
import { type LocalBatch, openLocalBatch } from './local-batch.ts'

vi.setConfig({ testTimeout: 30_000 })

let batch: LocalBatch
let hands: Hands
beforeAll(async () => {
  const chunkSizes = { bytes: () => 100, parquetRows: 2, listBytes: 100 }
  batch = await openLocalBatch({ idle: true, chunkSizes })
  hands = byHand(batch.services)
})
afterAll(() => batch.close())

async function run(input: string): Promise<Job> {
  const { id } = await batch.order({ model: 'iris' }, input)
  await hands.workAll()
  return (await batch.services.jobs.find(id)) as Job
}
const lineOf = (id: unknown) => `${JSON.stringify({ custom_id: id, text: 'some' })}\n`

test('lines that have the id of an earlier one fail their job before it begins, each by its number', async () => {
  const many = Array.from({ length: 3_000 }, (_, at) => lineOf(`id-${at}`)).join('')
  const job = await run(`${many}\n${lineOf('id-7')}${lineOf('id-3000')}${lineOf('id-2999')}`)
  expect(job).toMatchObject({
    state: 'failed',
    done: { charge: 0n },
    problems: [
      { code: 'duplicate_custom_id', line: 3_002, message: 'Line 8 has the same "custom_id".' },
      { code: 'duplicate_custom_id', line: 3_004, message: 'Line 3000 has the same "custom_id".' },
    ],
  })
})

test.each([
  ['a number and a text are two ids', lineOf(1) + lineOf('1')],
  [
    'records without an id may be many',
    lineOf('a') + lineOf(undefined) + lineOf(null) + lineOf(undefined),
  ],
  ['an "id" is nobody’s promise', '{"id":1,"text":"a"}\n{"id":1,"text":"b"}\n'],
  ['bad lines are errors of their own', `${lineOf('a')}nope\nnope\n`],
])('%s', async (_, input) => {
  expect((await run(input)).state).toBe('published')
})

test('the table finds the first line of every id, however many there are', () => {
  const ids = fc.array(fc.string({ maxLength: 3 }), { maxLength: 5_000, size: 'max' })
  fc.assert(
    fc.property(ids, (drawn) => {
      const table = createIdTable()
      const known = new Map<string, number>()
      for (const [at, id] of drawn.entries()) {
        expect(table.add(id, at + 1)).toBe(known.get(id))
        if (!known.has(id)) known.set(id, at + 1)
      }
      expect(table.size).toBe(known.size)
    }),
    { numRuns: 20, seed: 4 },
  )
})

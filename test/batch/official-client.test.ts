import OpenAI, { toFile } from 'openai'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type LocalService, startLocalService } from '#test/support/local-service.ts'

/** The official client, unchanged, drives files and batches from end to end. */
let service: LocalService
let client: OpenAI
beforeAll(async () => {
  service = await startLocalService()
  client = new OpenAI({ apiKey: service.key, baseURL: `${service.url}/v1` })
})
afterAll(() => service.stop())

const endpoint = '/v1/models/spam/predict' as '/v1/completions'
const call = (id: string, inputs: unknown) =>
  JSON.stringify({ custom_id: id, method: 'POST', url: endpoint, body: { inputs } })

const upload = async (lines: readonly string[]) =>
  client.files.create({
    purpose: 'batch',
    file: await toFile(Buffer.from(lines.join('\n')), 'calls.jsonl'),
  })

async function run(lines: readonly string[]): Promise<OpenAI.Batches.Batch> {
  const file = await upload(lines)
  const batch = await client.batches.create({
    input_file_id: file.id,
    endpoint,
    completion_window: '24h',
    metadata: { purpose: 'test' },
  })
  return ended(batch.id)
}

async function ended(id: string): Promise<OpenAI.Batches.Batch> {
  for (;;) {
    const batch = await client.batches.retrieve(id)
    if (['completed', 'failed', 'cancelled', 'expired'].includes(batch.status)) return batch
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

const linesOf = async (id: string | null | undefined) =>
  (await (await client.files.content(id ?? '')).text())
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))

test('answers every call of a file, in its order, for any route of a model', async () => {
  const batch = await run([
    call('a', 'URGENT! You have won a free prize, call now to claim'),
    call('b', ['see you at lunch', 'free ringtones']),
    call('c', 5),
  ])
  expect(batch).toMatchObject({
    status: 'completed',
    endpoint,
    request_counts: { total: 3, completed: 2, failed: 1 },
    metadata: { purpose: 'test' },
    errors: null,
  })
  const output = await linesOf(batch.output_file_id)
  expect(output).toMatchObject([
    {
      custom_id: 'a',
      response: { status_code: 200, body: { model: 'spam', outputs: [{ label: 'spam' }, {}] } },
      error: null,
    },
    {
      custom_id: 'b',
      response: {
        status_code: 200,
        body: {
          outputs: [
            [{}, {}],
            [{}, {}],
          ],
        },
      },
    },
  ])
  expect(output[0].response.request_id).toBe(output[0].id)
  expect(await linesOf(batch.error_file_id)).toMatchObject([
    { custom_id: 'c', response: { status_code: 422, body: { code: 'input_invalid' } } },
  ])
  const listed = await client.batches.list({ limit: 5 })
  expect(listed.data.map(({ id }) => id)).toContain(batch.id)
})

test('a file with wrong lines fails as a whole, and names each line and what is wrong', async () => {
  const batch = await run([
    call('a', 'x'),
    call('a', 'y'),
    'not json',
    JSON.stringify({ custom_id: 'd', method: 'POST', url: '/v1/other', body: {} }),
  ])
  expect(batch).toMatchObject({
    status: 'failed',
    errors: {
      object: 'list',
      data: [
        { code: 'duplicate_custom_id', line: 2 },
        { code: 'invalid_json_line', line: 3 },
        { code: 'mismatched_url', line: 4 },
      ],
    },
  })
  expect(batch.output_file_id ?? null).toBeNull()
})

test('a batch whose every call fails is completed, and its error file holds them all', async () => {
  const batch = await run([call('a', 1), call('b', 2)])
  expect(batch).toMatchObject({ status: 'completed', output_file_id: null })
  expect(await linesOf(batch.error_file_id)).toHaveLength(2)
})

test('files can be listed, read and deleted', async () => {
  const file = await upload([call('a', 'x')])
  expect(file).toMatchObject({ object: 'file', purpose: 'batch', filename: 'calls.jsonl' })
  expect(await client.files.retrieve(file.id)).toEqual(file)
  const listed = []
  for await (const one of client.files.list({ purpose: 'batch' })) listed.push(one.id)
  expect(listed[0]).toBe(file.id)
  expect(await (await client.files.content(file.id)).text()).toBe(call('a', 'x'))
  expect(await client.files.delete(file.id)).toEqual({ id: file.id, object: 'file', deleted: true })
  await expect(client.files.retrieve(file.id)).rejects.toMatchObject({ status: 404 })
})

test('cancels a batch', async () => {
  const file = await upload(Array.from({ length: 5_000 }, (_, at) => call(`n${at}`, `text ${at}`)))
  const { id } = await client.batches.create({
    input_file_id: file.id,
    endpoint,
    completion_window: '24h',
  })
  const stopped = await client.batches.cancel(id)
  expect(['cancelling', 'cancelled']).toContain(stopped.status)
  const batch = await ended(id)
  expect(batch.status).toBe('cancelled')
  const { completed = 0 } = batch.request_counts ?? {}
  if (completed > 0) expect(await linesOf(batch.output_file_id)).toHaveLength(completed)
})

test.each([
  ['an endpoint that calls no model', { endpoint: '/v1/keys' }, 400],
  ['a file that is not there', { input_file_id: 'file-0000000000000000' }, 404],
  ['another window', { completion_window: '1h' }, 400],
])('refuses %s', async (_, change, status) => {
  const file = await upload([call('a', 'x')])
  const asked = { input_file_id: file.id, endpoint, completion_window: '24h', ...change }
  await expect(client.batches.create(asked as never)).rejects.toMatchObject({ status })
})

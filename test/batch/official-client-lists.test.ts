import OpenAI, { toFile } from 'openai'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createKeyManager } from '#shared/access/manage-keys.ts'
import { type LocalService, startLocalService } from '#test/support/local-service.ts'

/** What the official client sees of batches beside their lines: lists, states, retries, refusals. */
let service: LocalService
let client: OpenAI
beforeAll(async () => {
  service = await startLocalService()
  client = clientOf(service.key)
})
afterAll(() => service.stop())

const clientOf = (apiKey: string, options: ConstructorParameters<typeof OpenAI>[0] = {}) =>
  new OpenAI({ apiKey, baseURL: `${service.url}/v1`, maxRetries: 0, ...options })
const endpoint = '/v1/models/spam/predict' as '/v1/completions'
const call = (id: string, body: unknown = { inputs: 'a text' }, url: string = endpoint) =>
  JSON.stringify({ custom_id: id, method: 'POST', url, body })
const upload = async (lines: readonly string[], by = client) =>
  by.files.create({
    purpose: 'batch',
    file: await toFile(Buffer.from(lines.join('\n')), 'a.jsonl'),
  })
const create = async (
  file: OpenAI.Files.FileObject,
  more: Partial<OpenAI.Batches.BatchCreateParams> = {},
  by = client,
) => by.batches.create({ input_file_id: file.id, endpoint, completion_window: '24h', ...more })
async function until(
  id: string,
  isReached: (batch: OpenAI.Batches.Batch) => boolean,
  by = client,
): Promise<OpenAI.Batches.Batch> {
  for (;;) {
    const batch = await by.batches.retrieve(id)
    if (isReached(batch)) return batch
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
const hasEnded = ({ status }: OpenAI.Batches.Batch) =>
  ['completed', 'failed', 'cancelled', 'expired'].includes(status)
const collect = async <Item>(pages: AsyncIterable<Item>) => {
  const items: Item[] = []
  for await (const item of pages) items.push(item)
  return items
}
const idsOf = (items: readonly { id: string }[]) => items.map(({ id }) => id)

test('has every member that the client’s types name, with times in seconds', async () => {
  const file = await upload([call('a')])
  const batch = await until(
    (await create(file, { output_expires_after: { anchor: 'created_at', seconds: 3_600 } })).id,
    hasEnded,
  )
  expect(batch).toEqual({
    id: expect.stringMatching(/^batch_[0-9a-f]{32}$/),
    object: 'batch',
    endpoint,
    errors: null,
    input_file_id: file.id,
    completion_window: '24h',
    status: 'completed',
    output_file_id: expect.stringMatching(/^file-/),
    error_file_id: null,
    created_at: expect.any(Number),
    in_progress_at: expect.any(Number),
    expires_at: batch.created_at + 86_400,
    finalizing_at: expect.any(Number),
    completed_at: expect.any(Number),
    failed_at: null,
    expired_at: null,
    cancelling_at: null,
    cancelled_at: null,
    request_counts: { total: 1, completed: 1, failed: 0 },
    metadata: {},
  })
  expect(Math.abs(batch.created_at - Date.now() / 1_000)).toBeLessThan(60)
  const output = await client.files.retrieve(batch.output_file_id ?? '')
  expect(output).toEqual({
    id: batch.output_file_id,
    object: 'file',
    bytes: expect.any(Number),
    created_at: batch.created_at,
    expires_at: batch.created_at + 3_600,
    filename: `${batch.id}_output.jsonl`,
    purpose: 'batch_output',
    status: 'processed',
  })
})

test('answers calls of tensors, with a version in the path, too', async () => {
  const features = { name: 'features', datatype: 'FP32', shape: [2, 4] }
  const data = [5.1, 3.5, 1.4, 0.2, 6.7, 3.1, 5.6, 2.4]
  for (const url of ['/v2/models/iris/infer', '/v2/models/iris/versions/1/infer']) {
    const file = await upload([
      call('two', { inputs: [{ ...features, data }] }, url),
      call('short', { inputs: [{ ...features, data: [1] }] }, url),
    ])
    const created = await create(file, { endpoint: url as typeof endpoint })
    const batch = await until(created.id, hasEnded)
    const { text } = await client.files
      .content(batch.output_file_id ?? '')
      .then(async (content) => ({ text: await content.text() }))
    expect(JSON.parse(text)).toMatchObject({
      custom_id: 'two',
      response: {
        status_code: 200,
        body: { model_name: 'iris', outputs: expect.arrayContaining([expect.anything()]) },
      },
    })
    const errors = await (await client.files.content(batch.error_file_id ?? '')).text()
    expect(JSON.parse(errors)).toMatchObject({
      custom_id: 'short',
      response: { status_code: 400, body: { error: expect.any(String) } },
    })
  }
})

test('pages through batches, the newest first, and through files in either order', async () => {
  const manager = createKeyManager({ ...service.services, tenant: 'pages' })
  await service.services.ledger.putAccount({
    ...{ tenant: 'pages', currency: 'USD', mode: 'postpaid', limits: {} },
  })
  const { key } = await manager.create({ name: 'pages', scopes: ['predict'], mode: 'live' })
  const mine = clientOf(key)
  const files = []
  const batches: string[] = []
  for (let at = 0; at < 5; at += 1) {
    const file = await upload([call(`call-${at}`)], mine)
    files.push(file)
    // Ids of the same millisecond have no order.
    await new Promise((resolve) => setTimeout(resolve, 2))
    batches.push((await until((await create(file, {}, mine)).id, hasEnded, mine)).id)
  }
  for (const limit of [1, 2, 5, 100]) {
    const listed = await collect(mine.batches.list({ limit }))
    expect(idsOf(listed)).toEqual(batches.toReversed())
    const desc = await collect(mine.files.list({ limit, purpose: 'batch' }))
    expect(idsOf(desc)).toEqual(idsOf(files).toReversed())
    const asc = await collect(mine.files.list({ limit, purpose: 'batch', order: 'asc' }))
    expect(idsOf(asc)).toEqual(idsOf(files))
    const outputs = await collect(mine.files.list({ limit, purpose: 'batch_output' }))
    expect(outputs).toHaveLength(5)
    expect(await collect(mine.files.list({ limit }))).toHaveLength(10)
  }
  const page = await service.request(`/v1/batches?limit=2&after=${batches[3]}`, {
    headers: { authorization: `Bearer ${key}` },
  })
  expect(await page.json()).toMatchObject({
    object: 'list',
    has_more: true,
    first_id: batches[2],
    last_id: batches[1],
  })
  expect(await collect(mine.files.list({ purpose: 'fine-tune' }))).toEqual([])
})

test('orders one batch where the client tries again by itself, and two where it is asked to', async () => {
  const file = await upload([call('a')])
  const counts: (string | null)[] = []
  const forgetful = clientOf(service.key, {
    maxRetries: 2,
    async fetch(url, init) {
      const answer = await fetch(url, init)
      counts.push(new Headers(init?.headers).get('x-stainless-retry-count'))
      // The answer is lost on the way, twice.
      if (counts.length < 3) throw new TypeError('the connection was lost')
      return answer
    },
  })
  const one = await create(file, {}, forgetful)
  expect(counts).toEqual(['0', '1', '2'])
  const ofFile = async () =>
    (await collect(client.batches.list())).filter((batch) => batch.input_file_id === file.id)
  expect(idsOf(await ofFile())).toEqual([one.id])
  const other = await create(file)
  expect(other.id).not.toBe(one.id)
  const keyed = { headers: { 'Idempotency-Key': 'once' } }
  const body = { input_file_id: file.id, endpoint, completion_window: '24h' } as const
  const again = await client.batches.create(body, keyed)
  expect((await client.batches.create(body, keyed)).id).toBe(again.id)
  expect(await ofFile()).toHaveLength(3)
})

test('shows a batch that a cap has stopped as in progress, with what to do', async () => {
  const manager = createKeyManager(service.services)
  const { key } = await manager.create({
    ...{ name: 'capped', scopes: ['predict'], mode: 'live' },
    limits: { monthlySpend: 100n },
  })
  const capped = clientOf(key)
  const { id } = await create(await upload([call('a'), call('b')], capped), {}, capped)
  const batch = await until(id, (seen) => 'percall' in seen, capped)
  expect(batch).toMatchObject({
    status: 'in_progress',
    request_counts: { total: 2, completed: 0, failed: 0 },
    percall: {
      paused: [{ code: 'spend_cap_reached', message: expect.any(String) }],
      resume: `POST /v1/batch-jobs/${id.replace('batch_', 'job_')}/resume`,
    },
  })
  expect(await capped.batches.cancel(id)).toMatchObject({ cancelling_at: expect.any(Number) })
  const cancelled = await until(id, hasEnded, capped)
  expect(cancelled).toMatchObject({ status: 'cancelled', output_file_id: null })
  expect(cancelled).not.toHaveProperty('percall')
})

test.each([
  [
    'too many metadata',
    { metadata: Object.fromEntries([...'abcdefghijklmnopq'].map((c) => [c, c])) },
  ],
  ['a metadata value that is too long', { metadata: { note: 'x'.repeat(513) } }],
  [
    'a life of outputs that is too short',
    { output_expires_after: { anchor: 'created_at', seconds: 60 } },
  ],
  ['a member that is unknown', { priority: 'high' }],
  ['an endpoint of no route', { endpoint: '/v1/responses' }],
])('refuses %s in words that the client understands', async (_, change) => {
  const file = await upload([call('a')])
  await expect(create(file, change as object)).rejects.toMatchObject({
    status: 400,
    type: 'invalid_request_error',
    code: 'parameter_invalid',
    message: expect.stringMatching(/^400 /),
  })
})

test('throws the client’s own errors for keys and files that are not there', async () => {
  const stranger = clientOf('pc_live_nobody')
  await expect(stranger.files.list()).rejects.toBeInstanceOf(OpenAI.AuthenticationError)
  await expect(client.batches.retrieve('batch_none')).rejects.toBeInstanceOf(OpenAI.NotFoundError)
  await expect(client.files.content('file-none')).rejects.toBeInstanceOf(OpenAI.NotFoundError)
  await expect(create({ id: 'file-none' } as never)).rejects.toBeInstanceOf(OpenAI.NotFoundError)
})

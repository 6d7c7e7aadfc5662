import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import { afterEach, expect, test } from 'vitest'
import { createDynamodbClient, type DynamodbClientOptions } from '#shared/aws/dynamodb-client.ts'

const stops: (() => void)[] = []
afterEach(() => {
  for (const stop of stops.splice(0)) stop()
})

type Answer = { status: number; body: string } | 'reset' | 'cut short' | 'silence'
const ok: Answer = { status: 200, body: '{"Item":{"id":{"S":"x"}}}' }
const failure = (status: number, type: string, more: object = {}): Answer => ({
  status,
  body: JSON.stringify({ __type: `com.amazonaws.dynamodb.v20120810#${type}`, ...more }),
})

/** A server that gives these answers in turn, the last one for ever, and a client that asks it. */
async function setUp(answers: Answer[], options: Partial<DynamodbClientOptions> = {}) {
  const seen: { headers: IncomingHttpHeaders; body: string; port: number | undefined }[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    const answer = answers[Math.min(seen.length, answers.length - 1)] ?? 'reset'
    seen.push({ headers: request.headers, body, port: request.socket.remotePort })
    if (answer === 'reset') request.socket.destroy()
    else if (answer === 'cut short') {
      response.writeHead(200, { 'content-length': 100 }).write('{"Item"')
      setImmediate(() => request.socket.destroy())
    } else if (answer !== 'silence') response.writeHead(answer.status).end(answer.body)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  stops.push(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  const clock = { now: 1_795_392_000_000 }
  const pauses: number[] = []
  const client = createDynamodbClient({
    region: 'eu-central-1',
    endpoint: `http://127.0.0.1:${port}`,
    credentials: () => ({
      accessKeyId: 'AKID',
      secretAccessKey: 'secret',
      sessionToken: 'session',
    }),
    now: () => clock.now,
    random: () => 0.5,
    sleep: async (ms) => {
      pauses.push(ms)
      clock.now += ms
    },
    ...options,
  })
  return { client, seen, pauses, clock }
}

const unavailable = expect.objectContaining({ code: 'store_unavailable', status: 503 })

test('sends a signed operation and returns its answer, over one connection', async () => {
  const { client, seen } = await setUp([ok])
  expect(await client.call('GetItem', { TableName: 't' })).toEqual({ Item: { id: { S: 'x' } } })
  await client.call('GetItem', { TableName: 't' })
  expect(seen[0]).toMatchObject({
    body: '{"TableName":"t"}',
    headers: {
      'x-amz-target': 'DynamoDB_20120810.GetItem',
      'content-type': 'application/x-amz-json-1.0',
      'x-amz-security-token': 'session',
    },
  })
  expect(seen[0]?.headers.authorization).toMatch(
    /^AWS4-HMAC-SHA256 Credential=AKID\/\d{8}\/eu-central-1\/dynamodb\/aws4_request, ?SignedHeaders=.*x-amz-target/,
  )
  expect(seen[1]?.port).toBe(seen[0]?.port)
})

const passing: Record<string, Answer> = {
  'a throttled request': failure(400, 'ThrottlingException'),
  'a busy partition': failure(400, 'ProvisionedThroughputExceededException'),
  'an internal error': failure(500, 'InternalServerError'),
  'a proxy in the way': { status: 503, body: '<html>' },
  'a broken connection': 'reset',
  'an answer that ends too early': 'cut short',
  'an answer that never comes': 'silence',
}
for (const [name, answer] of Object.entries(passing)) {
  test(`gets over ${name}`, async () => {
    const { client, seen, pauses } = await setUp([answer, answer, ok], { timeoutMs: 100 })
    expect(await client.call('GetItem', {})).toEqual({ Item: { id: { S: 'x' } } })
    expect(seen).toHaveLength(3)
    expect(pauses).toEqual([25, 50])
  })
}

test('signs each attempt anew, with the credentials of that moment', async () => {
  let asked = 0
  const credentials = async () => ({ accessKeyId: `AKID${++asked}`, secretAccessKey: 'secret' })
  const { client, seen } = await setUp(['reset', ok], { credentials })
  await client.call('GetItem', {})
  expect(seen.map(({ headers }) => /AKID\d/.exec(headers.authorization ?? '')?.[0])).toEqual([
    'AKID1',
    'AKID2',
  ])
})

test('gives up after the last attempt and keeps the reason for the log', async () => {
  const { client, seen } = await setUp([failure(500, 'InternalServerError', { message: 'oops' })])
  const error = await client.call('GetItem', {}).catch((thrown) => thrown)
  expect(error).toEqual(unavailable)
  expect(String(error.cause)).toContain('500 InternalServerError: oops')
  expect(seen).toHaveLength(5)
})

test('gives up when the next pause would pass the deadline', async () => {
  const { client, seen } = await setUp(['reset'], { deadlineMs: 100, maxAttempts: 1_000 })
  await expect(client.call('GetItem', {})).rejects.toEqual(unavailable)
  // Pauses of 25 and 50 ms fit into 100 ms, the next one of 100 does not.
  expect(seen).toHaveLength(3)
})

test('does not repeat what will fail again', async () => {
  for (const type of [
    'AccessDeniedException',
    'ResourceNotFoundException',
    'ValidationException',
  ]) {
    const { client, seen } = await setUp([failure(400, type), ok])
    await expect(client.call('GetItem', {})).rejects.toEqual(unavailable)
    expect(seen).toHaveLength(1)
  }
})

test('tells a condition that did not hold from a failure, and hands over the item', async () => {
  const Item = { id: { S: 'taken' } }
  const { client, seen } = await setUp([failure(400, 'ConditionalCheckFailedException', { Item })])
  const refusal = { name: 'DynamodbRefusal', type: 'ConditionalCheckFailedException', item: Item }
  await expect(client.call('PutItem', {})).rejects.toMatchObject(refusal)
  expect(seen).toHaveLength(1)
})

const cancelled = (...codes: string[]) =>
  failure(400, 'TransactionCanceledException', {
    CancellationReasons: codes.map((Code) => ({ Code, ...(Code === 'None' ? {} : { Item }) })),
  })
const Item = { id: { S: 'taken' } }

test('tells which conditions of a transaction did not hold, in their order', async () => {
  const answer = cancelled('None', 'ConditionalCheckFailed', 'TransactionConflict')
  const { client, seen } = await setUp([answer])
  await expect(client.call('TransactWriteItems', {})).rejects.toMatchObject({
    name: 'DynamodbRefusal',
    reasons: [
      { Code: 'None' },
      { Code: 'ConditionalCheckFailed', Item },
      { Code: 'TransactionConflict', Item },
    ],
  })
  expect(seen).toHaveLength(1)
})

test('believes no condition that was judged while others were at an item before it', async () => {
  const { client, seen } = await setUp([
    cancelled('TransactionConflict', 'ConditionalCheckFailed'),
    cancelled('ConditionalCheckFailed', 'None'),
  ])
  await expect(client.call('TransactWriteItems', {})).rejects.toMatchObject({
    name: 'DynamodbRefusal',
    reasons: [{ Code: 'ConditionalCheckFailed' }, { Code: 'None' }],
  })
  expect(seen).toHaveLength(2)
})

test('repeats a transaction that was in the way of another until the deadline', async () => {
  const conflict = cancelled('TransactionConflict', 'None')
  const single = failure(400, 'TransactionConflictException')
  const { client, seen } = await setUp([...Array(8).fill(conflict), single, ok], {
    maxAttempts: 2,
    deadlineMs: 10_000,
  })
  expect(await client.call('TransactWriteItems', {})).toEqual({ Item: { id: { S: 'x' } } })
  expect(seen).toHaveLength(10)

  const endless = await setUp([conflict], { maxAttempts: 2, deadlineMs: 1_000 })
  await expect(endless.client.call('TransactWriteItems', {})).rejects.toEqual(unavailable)
  expect(endless.clock.now).toBeLessThan(1_795_392_001_000)
})

test('tells at once that others use an item, where the caller rather hears of it', async () => {
  const conflict = cancelled('None', 'TransactionConflict')
  const isTooBusy = (reasons: readonly { Code?: string }[]) =>
    reasons[1]?.Code === 'TransactionConflict'
  const { client, seen } = await setUp([conflict])
  await expect(client.call('TransactWriteItems', {}, { isTooBusy })).rejects.toMatchObject({
    name: 'DynamodbRefusal',
    reasons: [{ Code: 'None' }, { Code: 'TransactionConflict' }],
  })
  expect(seen).toHaveLength(1)
  // Of another item, and what is no conflict, is waited for as ever.
  const other = cancelled('TransactionConflict', 'ThrottlingError')
  const patient = await setUp([other, cancelled('None', 'ThrottlingError'), ok])
  await patient.client.call('TransactWriteItems', {}, { isTooBusy })
  expect(patient.seen).toHaveLength(3)
})

test('repeats a throttled transaction, and never one that is wrong', async () => {
  const { client, seen } = await setUp([cancelled('ThrottlingError'), ok])
  await client.call('TransactWriteItems', {})
  expect(seen).toHaveLength(2)
  const wrong = await setUp([cancelled('ValidationError'), ok])
  await expect(wrong.client.call('TransactWriteItems', {})).rejects.toEqual(unavailable)
  expect(wrong.seen).toHaveLength(1)
})

test('refuses an answer that is not JSON', async () => {
  const { client } = await setUp([{ status: 200, body: '{"Item":' }])
  await expect(client.call('GetItem', {})).rejects.toEqual(unavailable)
})

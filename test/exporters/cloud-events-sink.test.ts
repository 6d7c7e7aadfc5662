import { afterEach, beforeEach, expect, test } from 'vitest'
import { createCloudEventsSink } from '#shared/exporters/cloud-events-sink.ts'
import { startCloudEventsServer } from '#test/servers/cloud-events-server.ts'
import { answer, cut, hang } from '#test/servers/faulty-http-server.ts'
import { newRecord, start } from './exporter-samples.ts'

let server: Awaited<ReturnType<typeof startCloudEventsServer>>
beforeEach(async () => {
  server = await startCloudEventsServer({ now: () => start })
})
afterEach(() => server.stop())

const open = (timeoutMs = 5_000) => createCloudEventsSink({ ...server, timeoutMs })
const send = async (record = newRecord(), sink = open()) => (await sink.send([record], start))[0]

test('posts a signed CloudEvent whose id is the record', async () => {
  const record = newRecord({ quantity: 2n ** 60n, sequence: 1 })
  expect(await send(record)).toEqual({ kind: 'accepted' })
  expect(server.events()).toEqual([
    {
      specversion: '1.0',
      id: record.id,
      source: server.source,
      type: 'percall.usage',
      subject: 'cus_1',
      time: '2026-11-23T00:59:59.999Z',
      datacontenttype: 'application/json',
      data: {
        tenant: record.tenant,
        meter: 'calls',
        quantity: '1152921504606846976',
        hour: '2026-11-23T00:00:00.000Z',
        sequence: 1,
      },
    },
  ])
})

test('sends the same event with the same bytes, so that a receiver can know it again', async () => {
  const record = newRecord()
  await send(record)
  await send(record)
  const [first, second] = server.received
  expect(first?.body).toBe(second?.body)
  expect(server.events()).toHaveLength(1)
})

test.each([
  [200, 'accepted'],
  [202, 'accepted'],
  [409, 'accepted'],
  [400, 'refused'],
  [401, 'refused'],
  [404, 'refused'],
  [410, 'refused'],
  [413, 'refused'],
  [429, 'not-landed'],
  [307, 'unknown'],
  [408, 'unknown'],
  [500, 'unknown'],
  [503, 'unknown'],
])('takes the answer %i for "%s"', async (status, kind) => {
  server.plan(answer(status, 'why'))
  expect(await send()).toMatchObject({ kind })
})

test('does not know what became of an event whose answer did not come', async () => {
  for (const fault of [cut(true), cut(false), hang(true), hang(false)]) {
    server.plan(fault)
    expect(await send(newRecord(), open(200))).toMatchObject({
      kind: 'unknown',
      reason: 'No answer came.',
    })
  }
})

test('knows that an event was not sent where nobody listens', async () => {
  const gone = await startCloudEventsServer({ now: () => start })
  await gone.stop()
  const sink = createCloudEventsSink(gone)
  const outcomes = await sink.send([newRecord()], start)
  expect(outcomes).toMatchObject([{ kind: 'not-landed', reason: 'The server cannot be reached.' }])
})

test('waits as long as the receiver asks for', async () => {
  const fault = { status: 429, body: '', headers: { 'retry-after': '120' } }
  server.plan({ kind: 'answer', landed: false, answer: fault })
  expect(await send()).toMatchObject({ kind: 'not-landed', retryAfterMs: 120_000 })
})

test.each(['', 'whsec_', 'whsec_c2hvcnQ=', 'plain text that is long enough to be a key'])(
  'refuses the secret "%s"',
  (secret) => {
    expect(() => createCloudEventsSink({ ...server, secret })).toThrow('whsec_')
  },
)

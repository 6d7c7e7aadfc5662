import { afterEach, beforeEach, expect, test } from 'vitest'
import { createStripeSink } from '#shared/exporters/stripe-sink.ts'
import { hourMs } from '#shared/exporters/usage-record.ts'
import { answer, cut, hang } from '#test/servers/faulty-http-server.ts'
import { startStripeServer } from '#test/servers/stripe-server.ts'
import { minuteMs, newRecord, start } from './exporter-samples.ts'

let time = start + 2 * hourMs
let server: Awaited<ReturnType<typeof startStripeServer>>
beforeEach(async () => {
  time = start + 2 * hourMs
  const meters = { mtr_1: 'calls', mtr_2: 'micros' }
  server = await startStripeServer({ now: () => time, meters, customers: ['cus_1'] })
})
afterEach(() => server.stop())

const open = (changes: { baseUrl?: string; apiKey?: string; timeoutMs?: number } = {}) =>
  createStripeSink({ apiKey: server.apiKey, baseUrl: server.url, ...changes })
const send = async (record = newRecord(), sink = open()) => (await sink.send([record], time))[0]
const find = (record = newRecord(), sink = open()) => sink.find?.(record)

test('creates a meter event that is the record, in a minute of its own', async () => {
  const record = newRecord({ sequence: 3, quantity: 12n })
  expect(await send(record)).toEqual({ kind: 'accepted' })
  expect(server.events).toMatchObject([
    {
      identifier: record.id,
      eventName: 'calls',
      customer: 'cus_1',
      value: 12,
      timestamp: start + 3 * minuteMs,
    },
  ])
})

test('keeps identifiers within 100 characters, whatever tenants and meters are called', async () => {
  const record = newRecord({ tenant: 't'.repeat(5_000) })
  expect(record.id.length).toBeLessThanOrEqual(100)
  expect(await send(record)).toEqual({ kind: 'accepted' })
})

test('takes the 400 of a duplicate for success', async () => {
  const record = newRecord()
  expect(await send(record)).toEqual({ kind: 'accepted' })
  expect(await send(record)).toEqual({ kind: 'accepted' })
  expect(server.events).toHaveLength(1)
})

test('does not take the 400 of another event for its own', async () => {
  const body = {
    error: {
      type: 'invalid_request_error',
      message: 'An event already exists with identifier other.',
    },
  }
  server.plan(answer(400, JSON.stringify(body)))
  expect(await send()).toMatchObject({ kind: 'refused' })
})

test('says why Stripe refuses a record', async () => {
  expect(await send(newRecord({ customer: 'cus_9' }))).toEqual({
    kind: 'refused',
    reason: "400 StripeInvalidRequestError: No such customer: 'cus_9'",
  })
  expect(await send(newRecord({ meter: 'typo' }))).toMatchObject({ kind: 'refused' })
})

test('waits where the API key is wrong, and does not repeat the key', async () => {
  const outcome = await send(newRecord(), open({ apiKey: 'sk_test_wrongwrongwrong' }))
  expect(outcome).toMatchObject({ kind: 'not-landed' })
  expect(JSON.stringify(outcome)).not.toContain('wrong')
})

test.each([
  [429, 'not-landed'],
  [409, 'unknown'],
  [500, 'unknown'],
  [503, 'unknown'],
])('takes the status %i for "%s"', async (status, kind) => {
  server.plan(answer(status, JSON.stringify({ error: { type: 'api_error', message: 'no' } })))
  expect(await send()).toMatchObject({ kind })
})

test('sends once an attempt, so that no attempt goes unnoticed', async () => {
  for (const fault of [cut(true), cut(false), hang(true), answer(502, '<html>')]) {
    const before = server.received.length
    server.plan(fault)
    const outcome = await send(newRecord(), open({ timeoutMs: 300 }))
    expect(outcome).toMatchObject({ kind: 'unknown' })
    expect(server.received.length).toBe(before + 1)
  }
})

test('knows that an event was not sent where nobody listens', async () => {
  const outcome = await send(newRecord(), open({ baseUrl: 'http://127.0.0.1:1' }))
  expect(outcome).toMatchObject({ kind: 'not-landed' })
})

test('finds in the books of Stripe whether this very record has arrived', async () => {
  const [first, second] = [newRecord({ sequence: 0 }), newRecord({ sequence: 1, quantity: 9n })]
  await send(first)
  expect(await find(first)).toEqual({ kind: 'present' })
  expect(await find(second)).toEqual({ kind: 'absent' })
  await send(second)
  expect(await find(second)).toEqual({ kind: 'present' })
})

test('does not guess where the books of Stripe show something else', async () => {
  const record = newRecord()
  await send({ ...record, quantity: 5n })
  expect(await find(record)).toMatchObject({ kind: 'unclear' })
  expect(await find(newRecord({ meter: 'typo' }))).toMatchObject({ kind: 'unclear' })
  server.always(answer(503))
  expect(await find(record)).toMatchObject({ kind: 'unknown' })
})

test('takes records up to 35 days old, and sixty an hour', () => {
  const sink = open()
  const oldest = start + 35 * 24 * hourMs - hourMs
  expect(sink.accepts(newRecord(), oldest - 1)).toBe(true)
  expect(sink.accepts(newRecord(), oldest)).toBe(false)
  expect(sink.accepts(newRecord({ sequence: 59 }), start + hourMs)).toBe(true)
  expect(sink.accepts(newRecord({ sequence: 60 }), start + hourMs)).toBe(false)
})

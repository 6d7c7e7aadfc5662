import { afterEach, beforeEach, expect, test } from 'vitest'
import { createMarketplaceSink } from '#shared/exporters/marketplace-sink.ts'
import { hourMs } from '#shared/exporters/usage-record.ts'
import { answer, cut, hang } from '#test/servers/faulty-http-server.ts'
import { startMarketplaceServer } from '#test/servers/marketplace-server.ts'
import { minuteMs, newRecord, start } from './exporter-samples.ts'

const account = '111122223333'
const now = start + 2 * hourMs
let server: Awaited<ReturnType<typeof startMarketplaceServer>>
beforeEach(async () => {
  const subscribers = [account, '444455556666']
  server = await startMarketplaceServer({
    now: () => now,
    dimensions: ['calls', 'rows'],
    subscribers,
  })
})
afterEach(() => server.stop())

const open = (timeoutMs = 5_000) => {
  const { region, credentials, url: endpoint } = server
  const product = { productCode: 'product', timeoutMs }
  return createMarketplaceSink({ region, credentials: () => credentials, endpoint, ...product })
}
const record = (changes: Parameters<typeof newRecord>[0] = {}) =>
  newRecord({ sink: 'marketplace', customer: account, ...changes })
const kinds = async (...records: ReturnType<typeof record>[]) =>
  (await open().send(records, now)).map(({ kind }) => kind)

test('meters a full batch in one signed call', async () => {
  const records = Array.from({ length: 25 }, (_, index) =>
    record({
      hour: start,
      meter: index % 2 ? 'calls' : 'rows',
      customer: index < 2 ? account : `${account} arn:aws:license-manager::1:license:l-${index}`,
    }),
  )
  expect(new Set(await kinds(...records))).toEqual(new Set(['accepted']))
  expect(server.metered()).toHaveLength(25)
  // Records of licenses may not share a call with those of a product code.
  expect(server.received).toHaveLength(2)
})

test('names customer, dimension, quantity and the hour in seconds', async () => {
  await kinds(record({ quantity: 12n }))
  expect(server.metered()).toEqual([
    {
      CustomerAWSAccountId: account,
      Dimension: 'calls',
      Quantity: 12,
      Timestamp: start / 1_000,
    },
  ])
})

test('changes nothing by sending the same again', async () => {
  const same = record()
  expect(await kinds(same)).toEqual(['accepted'])
  expect(await kinds(same)).toEqual(['accepted'])
  expect(server.metered()).toHaveLength(1)
})

test('sees a conflict where AWS has another quantity for the hour', async () => {
  const first = record()
  await kinds(first)
  expect(await kinds({ ...first, quantity: 8n })).toEqual(['conflict'])
  expect(server.metered()).toMatchObject([{ Quantity: 7 }])
})

test('tells the processed records of a batch from those that AWS left out', async () => {
  server.leaveOut(2)
  const records = [0, 1, 2, 3].map((index) =>
    record({ customer: `${account} arn:${index}`, quantity: BigInt(index + 1) }),
  )
  expect(await kinds(...records)).toEqual(['accepted', 'accepted', 'not-landed', 'not-landed'])
  expect(await kinds(...records)).toEqual(Array(4).fill('accepted'))
  expect(server.metered().map(({ Quantity }) => Quantity)).toEqual([1, 2, 3, 4])
})

test('meters all others where single records keep the batch from being processed', async () => {
  const records = Array.from({ length: 25 }, (_, index) =>
    record({
      customer: `${account} arn:${index}`,
      ...(index === 3 && { meter: 'typo' }),
      ...(index === 20 && { hour: start - 9 * hourMs }),
      ...(index === 24 && { customer: '999999999999 arn:24' }),
    }),
  )
  const outcomes = await open().send(records, now)
  expect(outcomes[3]).toMatchObject({ kind: 'refused' })
  expect(outcomes[20]).toMatchObject({ kind: 'too-late' })
  expect(outcomes[24]).toEqual({ kind: 'refused', reason: 'CustomerNotSubscribed' })
  expect(outcomes.filter(({ kind }) => kind === 'accepted')).toHaveLength(22)
  expect(server.metered()).toHaveLength(22)
})

test('refuses by itself what no record of AWS can hold', async () => {
  expect(await kinds(record({ quantity: 2n ** 31n }), record())).toEqual(['refused', 'accepted'])
})

test.each([
  ['ThrottlingException', 400, 'not-landed'],
  ['DisabledApiException', 400, 'not-landed'],
  ['ExpiredTokenException', 403, 'not-landed'],
  ['InternalServiceErrorException', 500, 'unknown'],
])('takes %s (%i) for "%s"', async (type, status, kind) => {
  server.plan(answer(status, JSON.stringify({ __type: `com.amazonaws.metering#${type}` })))
  expect(await kinds(record(), record())).toEqual([kind, kind])
})

test('does not know what became of a batch whose answer did not come', async () => {
  for (const fault of [cut(true), hang(true), answer(502, '<html>'), answer(200, 'nonsense')]) {
    server.plan(fault)
    expect(await open(200).send([record()], now)).toMatchObject([{ kind: 'unknown' }])
  }
})

test('knows that nothing was sent without credentials', async () => {
  const credentials = () => Promise.reject(new Error('no role'))
  const sink = createMarketplaceSink({ region: 'us-east-1', credentials, endpoint: server.url })
  expect(await sink.send([record()], now)).toMatchObject([{ kind: 'not-landed' }])
})

test('takes only the first record of an hour, until shortly before AWS refuses it', () => {
  const sink = open()
  expect(sink.accepts(record(), start + 6 * hourMs - 10 * minuteMs - 1)).toBe(true)
  expect(sink.accepts(record(), start + 6 * hourMs - 10 * minuteMs)).toBe(false)
  expect(sink.accepts(record({ sequence: 1 }), start + 2 * hourMs)).toBe(false)
})

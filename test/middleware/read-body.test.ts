import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { jsonOf, startSteps } from './steps.ts'

const limit = 10_000
const send = (body: Uint8Array, encoding?: string, oversized = false) =>
  startSteps({ bodyLimitBytes: limit, run: ({ body: read }) => read.length }).call({
    body,
    oversized,
    headers: { 'content-encoding': encoding },
  })
const mixed = (size: number) =>
  Uint8Array.from({ length: size }, (_, at) => (at * at * 31 + at) % 251)

test.each([
  ['gzip', gzipSync],
  ['GZip ', gzipSync],
  ['x-gzip', gzipSync],
  ['deflate', deflateSync],
])('inflates %s', async (encoding, encode) => {
  const text = 'Ceci n’est pas une pipe'
  const steps = startSteps()
  const response = await steps.call({
    body: encode(Buffer.from(text)),
    headers: { 'content-encoding': encoding },
  })
  expect(jsonOf(response)).toStrictEqual({ received: text })
})

test.each([undefined, '', 'identity', 'IDENTITY'])('takes %j as it is', async (encoding) => {
  expect((await send(mixed(100), encoding)).body).toBe('100')
})

test('takes a body of the limit and refuses one byte more', async () => {
  expect((await send(mixed(limit))).body).toBe(String(limit))
  expect(await send(mixed(limit + 1))).toMatchObject({ status: 413 })
})

test('refuses what the host has not even read', async () => {
  const response = await send(new Uint8Array(), undefined, true)
  expect(response.status).toBe(413)
  expect(jsonOf(response)).toMatchObject({
    code: 'payload_too_large',
    detail: expect.stringContaining('10000'),
  })
})

test('takes what inflates to the limit and refuses one byte more', async () => {
  expect((await send(gzipSync(mixed(limit)), 'gzip')).body).toBe(String(limit))
  expect((await send(gzipSync(mixed(limit + 1)), 'gzip')).status).toBe(413)
})

test('stops a bomb long before it has gone off', async () => {
  const bomb = gzipSync(new Uint8Array(30_000_000))
  const steps = startSteps({ bodyLimitBytes: 6_000_000 })
  const before = process.memoryUsage().arrayBuffers
  const start = performance.now()
  const response = await steps.call({ body: bomb, headers: { 'content-encoding': 'gzip' } })
  expect(response.status).toBe(413)
  expect(performance.now() - start).toBeLessThan(500)
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20_000_000)
})

test('refuses more than a hundredfold growth, also where the limit is far', async () => {
  const zeros = gzipSync(new Uint8Array(1_000_000))
  const steps = startSteps({ bodyLimitBytes: 6_000_000 })
  const response = await steps.call({ body: zeros, headers: { 'content-encoding': 'gzip' } })
  expect(jsonOf(response)).toMatchObject({ code: 'payload_too_large' })
})

test.each([
  ['gzip that is none', 'gzip', Buffer.from('hello')],
  ['gzip cut off', 'gzip', gzipSync(mixed(1_000)).subarray(0, -20)],
  ['raw deflate', 'deflate', deflateRawSync(mixed(1_000))],
  ['gzip called deflate', 'deflate', gzipSync(mixed(1_000))],
  ['nothing', 'gzip', Buffer.alloc(0)],
])('refuses %s', async (_, encoding, body) => {
  const response = await send(body, encoding)
  expect(response.status).toBe(400)
  expect(jsonOf(response)).toMatchObject({ code: 'body_not_decodable' })
})

test.each(['br', 'zstd', 'gzip, gzip', 'constructor', '__proto__'])(
  'does not understand the encoding %s',
  async (encoding) => {
    const response = await send(mixed(10), encoding)
    expect(response.status).toBe(415)
    expect(jsonOf(response)).toMatchObject({ code: 'unsupported_encoding' })
  },
)

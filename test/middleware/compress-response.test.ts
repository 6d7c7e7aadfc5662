import { gunzipSync, inflateSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { ServiceError } from '#shared/errors/service-error.ts'
import { startSteps } from './steps.ts'

const long = 'a'.repeat(5_000)
const ask = (accept: string | undefined, text = long) =>
  startSteps({ run: () => text }).call({ headers: { 'accept-encoding': accept } })

test.each([
  ['gzip', 'gzip'],
  ['GZIP', 'gzip'],
  ['deflate', 'deflate'],
  ['deflate, gzip', 'gzip'],
  ['*', 'gzip'],
  ['br;q=1.0, gzip;q=0.5', 'gzip'],
  ['gzip;q=0, deflate', 'deflate'],
  ['gzip;q=0, *', 'deflate'],
  ['gzip; q=0.000, deflate; q=0.1', 'deflate'],
  [undefined, undefined],
  ['', undefined],
  ['identity', undefined],
  ['br, zstd', undefined],
  ['gzip;q=0', undefined],
  ['gzip;q=0.0, deflate;q=0', undefined],
  ['*;q=0', undefined],
  ['notgzip', undefined],
])('answers "%s" with %s', async (accept, encoding) => {
  const { headers, body } = await ask(accept)
  expect(headers['content-encoding']).toBe(encoding)
  const plain =
    encoding === 'gzip'
      ? gunzipSync(body as Uint8Array)
      : encoding === 'deflate'
        ? inflateSync(body as Uint8Array)
        : body
  expect(String(plain)).toBe(JSON.stringify(long))
  expect(headers.vary).toBe(encoding && 'Accept-Encoding')
})

test('leaves a short answer as it is', async () => {
  expect((await ask('gzip', 'short')).headers).not.toHaveProperty('content-encoding')
})

test('compresses a long error, and keeps its headers', async () => {
  const steps = startSteps({
    run() {
      throw new ServiceError('overloaded', { detail: long, retryAfterSeconds: 3 })
    },
  })
  const { status, headers, body } = await steps.call({ headers: { 'accept-encoding': 'gzip' } })
  expect(status).toBe(503)
  expect(headers).toMatchObject({
    'content-type': 'application/problem+json',
    'content-encoding': 'gzip',
    'retry-after': '3',
    'x-request-id': expect.any(String),
    'server-timing': expect.any(String),
  })
  expect(JSON.parse(String(gunzipSync(body as Uint8Array))).code).toBe('overloaded')
})

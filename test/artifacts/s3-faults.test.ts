import { afterEach, beforeEach, expect, test } from 'vitest'
import type { ArtifactRef } from '#shared/artifacts/artifact-store.ts'
import { s3ArtifactStore } from '#shared/artifacts/s3-artifact-store.ts'
import {
  type Fault,
  type FaultyS3Server,
  inOrder,
  startFaultyS3Server,
} from '#test/servers/faulty-s3-server.ts'
import { refOf, someBytes } from './artifact-store-contract.ts'

const MiB = 1024 * 1024
const small = someBytes(50_000)
/** Three connections of about 1.75 MiB. */
const large = someBytes(5 * MiB + 17)

let server: FaultyS3Server
beforeEach(async () => {
  server = await startFaultyS3Server()
  server.files.set('small.onnx', small).set('large.onnx', large)
})
afterEach(() => server.stop())

const storeWith = (options: Partial<Parameters<typeof s3ArtifactStore>[0]> = {}) =>
  s3ArtifactStore({
    bucket: 'models',
    region: 'eu-central-1',
    endpoint: server.endpoint,
    credentials: { accessKeyId: 'key', secretAccessKey: 'secret', sessionToken: 'token' },
    retryDelayMs: [1, 4],
    ...options,
  })

const expectLarge = async (ref: ArtifactRef, options = {}) =>
  expect(Buffer.compare(await storeWith(options).fetch(ref), large)).toBe(0)

const unavailable = (status: number, reason: string, framing: 'length' | 'chunked' | 'none') =>
  ({ kind: 'refuse', status, reason, framing }) as const

test('asks for each byte once, in as many ranges as the size is worth', async () => {
  await expectLarge(refOf('large.onnx', large))
  const ranges = server.requests
    .map(({ from, to }) => [from, to])
    .toSorted((a, b) => Number(a[0]) - Number(b[0]))
  expect(ranges).toEqual([
    [0, 1747632],
    [1747632, 3495265],
    [3495265, large.length],
  ])
  expect(server.sentBytes).toBe(large.length)
})

test('opens at most as many connections as allowed', async () => {
  await expectLarge(refOf('large.onnx', large), { maxConnections: 2 })
  expect(server.requests).toHaveLength(2)
})

test('says in every request who asks, and that the connection ends with it', async () => {
  await storeWith({ now: () => Date.UTC(2026, 10, 23) }).fetch(refOf('small.onnx', small))
  const headers = Object.fromEntries(server.requests[0]?.headers ?? [])
  expect(headers).toMatchObject({
    connection: 'close',
    'x-amz-security-token': 'token',
    'x-amz-date': '20261123T000000Z',
    authorization: expect.stringContaining('Credential=key/20261123/eu-central-1/s3/aws4_request'),
  })
})

test.each<[string, Fault]>([
  ['status 500', unavailable(500, 'InternalError', 'length')],
  ['status 503 SlowDown', unavailable(503, 'SlowDown', 'chunked')],
  ['an error that ends with the connection', unavailable(502, 'BadGateway', 'none')],
  ['silence', { kind: 'silence' }],
  ['1 KB/s', { kind: 'trickle', bytesPerSecond: 1000 }],
  ['a reset before the first byte', { kind: 'reset', afterBytes: 0 }],
  ['a reset in the middle', { kind: 'reset', afterBytes: 100_000 }],
  ['an early end', { kind: 'end', afterBytes: 100_000 }],
  ['a server that ignores the range', { kind: 'ignore range' }],
  ['the wrong range', { kind: 'shift range' }],
  ['a chunked body', { kind: 'chunked' }],
  ['something that is not HTTP', { kind: 'not http' }],
])('survives %s, three times in a row', async (_, fault) => {
  server.script = inOrder(fault, fault, fault)
  const pace = { minBytes: 8 * 1024, withinMs: 150 }
  for (const withPieces of [false, true]) {
    await expectLarge(refOf('large.onnx', large, withPieces), { pace })
  }
})

test('resumes a broken range at the very byte where it stopped', async () => {
  server.script = inOrder({ kind: 'end', afterBytes: 1000 }, { kind: 'end', afterBytes: 2000 })
  await storeWith().fetch(refOf('small.onnx', small))
  expect(server.requests.map(({ from, to }) => [from, to])).toEqual([
    [0, 50_000],
    [1000, 50_000],
    [3000, 50_000],
  ])
  expect(server.sentBytes).toBe(small.length)
})

test('has patience with a connection that is slow but not too slow', async () => {
  server.script = () => ({ kind: 'trickle', bytesPerSecond: 60_000 })
  // Takes 0.8 s, with 24 KB in each window.
  const store = storeWith({ pace: { minBytes: 1000, withinMs: 400 } })
  await store.fetch(refOf('small.onnx', small))
  expect(server.requests).toHaveLength(1)
})

test('does not go on in another version of the file than it began with', async () => {
  const other = someBytes(small.length, 2)
  server.script = inOrder(
    { kind: 'end', afterBytes: 1000 },
    { kind: 'meanwhile', run: () => server.files.set('small.onnx', other) },
  )
  await expect(storeWith().fetch(refOf('small.onnx', small))).rejects.toMatchObject({
    code: 'artifact_digest_mismatch',
    detail: 'The artifact store answered 412 PreconditionFailed for small.onnx.',
  })
})

test('gives up after six failures in a row without progress', async () => {
  server.script = () => ({ kind: 'refuse', status: 503, reason: 'SlowDown' })
  await expect(storeWith().fetch(refOf('small.onnx', small))).rejects.toMatchObject({
    code: 'artifact_unavailable',
    detail: 'The artifact store answered 503 SlowDown for small.onnx.',
  })
  expect(server.requests).toHaveLength(6)
})

test('goes on for as long as every attempt brings something', async () => {
  server.script = inOrder(
    ...Array.from({ length: 20 }, () => ({ kind: 'reset', afterBytes: 2000 }) as const),
  )
  await storeWith().fetch(refOf('small.onnx', small))
  expect(server.requests).toHaveLength(21)
})

test('waits a random share of the delay before each retry, so that clients do not come in step', async () => {
  server.script = () => ({ kind: 'refuse', status: 500, reason: 'InternalError' })
  let drawn = 0
  // The share 0 of a minute is no wait at all: with any other this test would time out.
  const random = () => {
    drawn++
    return 0
  }
  const store = storeWith({ random, retryDelayMs: [60_000, 60_000] })
  await expect(store.fetch(refOf('small.onnx', small))).rejects.toMatchObject({
    code: 'artifact_unavailable',
  })
  expect(drawn).toBe(5)
})

test.each<[string, Fault]>([
  ['silence', { kind: 'silence' }],
  ['a trickle', { kind: 'trickle', bytesPerSecond: 10_000 }],
])('meets its deadline in the face of %s', async (_, fault) => {
  server.script = () => fault
  const fetched = storeWith({ timeoutMs: 250 }).fetch(refOf('large.onnx', large))
  await expect(fetched).rejects.toMatchObject({ code: 'artifact_timed_out', retryable: true })
})

test.each<[string, Fault, string]>([
  ['403', { kind: 'refuse', status: 403, reason: 'AccessDenied' }, 'artifact_access_denied'],
  ['404', { kind: 'refuse', status: 404, reason: 'NoSuchKey' }, 'artifact_not_found'],
  ['416', { kind: 'refuse', status: 416, reason: 'InvalidRange' }, 'artifact_truncated'],
  ['a short body with status 200', { kind: 'truncated 200', bytes: 1000 }, 'artifact_truncated'],
  ['a flipped bit', { kind: 'flip bit', at: 31_234 }, 'artifact_digest_mismatch'],
])('takes %s as final, without a second request', async (_, fault, code) => {
  server.script = () => fault
  await expect(storeWith().fetch(refOf('small.onnx', small))).rejects.toMatchObject({ code })
  expect(server.requests).toHaveLength(1)
})

test('takes a whole file from a server without ranges, where one range is the whole file', async () => {
  server.script = () => ({ kind: 'ignore range' })
  const fetched = await storeWith().fetch(refOf('small.onnx', small))
  expect(Buffer.compare(fetched, small)).toBe(0)
})

test('finds a flipped bit wherever it is', async () => {
  const borders = [0, 1747631, 1747632, MiB - 1, MiB, 3495265, large.length - 1]
  for (const at of borders) {
    server.script = () => ({ kind: 'flip bit', at })
    for (const withPieces of [false, true]) {
      const fetched = storeWith().fetch(refOf('large.onnx', large, withPieces))
      await expect(fetched).rejects.toMatchObject({ code: 'artifact_digest_mismatch' })
    }
  }
})

test('stops the other ranges at once when one has failed for good', async () => {
  // The first range fails for good only when the others are under way.
  server.script = ({ from }) => {
    if (from === 0) return { kind: 'reset', afterBytes: 10 }
    if (from === 10) return { kind: 'refuse', status: 403, reason: 'AccessDenied' }
    return { kind: 'trickle', bytesPerSecond: 1_000_000 }
  }
  const store = storeWith({ retryDelayMs: [50, 50], random: () => 1 })
  const fetched = store.fetch(refOf('large.onnx', large))
  await expect(fetched).rejects.toMatchObject({ code: 'artifact_access_denied' })
  expect(server.requests).toHaveLength(4)
  await expect.poll(() => server.openConnections()).toBe(0)
  expect(server.sentBytes).toBeLessThan(MiB)
})

test('says that nobody listens', async () => {
  await server.stop()
  await expect(storeWith().fetch(refOf('small.onnx', small))).rejects.toMatchObject({
    code: 'artifact_unavailable',
    detail: 'The artifact store cannot be reached.',
  })
  server = await startFaultyS3Server()
})

test('says that there is no room for the file before it asks for a byte', async () => {
  const ref = { key: 'huge.onnx', sha256: '0'.repeat(64), bytes: 2 ** 53 - 1 }
  await expect(storeWith().fetch(ref)).rejects.toMatchObject({ code: 'out_of_memory' })
  expect(server.requests).toHaveLength(0)
})

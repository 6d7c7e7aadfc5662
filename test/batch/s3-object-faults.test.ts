import { createHash } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { StoredObject } from '#shared/batch/object-store.ts'
import { createS3ObjectStore } from '#shared/batch/stores/s3-object-store.ts'
import {
  answer,
  cut,
  type ReceivedRequest,
  startFaultyHttpServer,
} from '#test/servers/faulty-http-server.ts'
import {
  type FaultyS3Server,
  inOrder,
  startFaultyS3Server,
} from '#test/servers/faulty-s3-server.ts'
import { refusal } from '#test/support/refusal.ts'
import { readAll } from './object-store-contract.ts'
import { someBytes } from './some-bytes.ts'

const bytes = someBytes(3_000_000)
const pauses: number[] = []
const openAt = (endpoint: string) =>
  createS3ObjectStore({
    endpoint,
    region: 'us-east-1',
    bucket: 'bucket',
    credentials: () => ({ accessKeyId: 'key', secretAccessKey: 'secret' }),
    sleep: async (ms) => void pauses.push(ms),
  })

describe('reading from a bucket', () => {
  let server: FaultyS3Server
  beforeAll(async () => {
    server = await startFaultyS3Server()
  })
  afterEach(() => {
    server.requests.splice(0)
    pauses.splice(0)
  })
  afterAll(() => server?.stop())

  function stored(content = bytes): StoredObject {
    server.files.set('input', content)
    const version = `"${createHash('sha1').update(content).digest('hex')}"`
    return { key: 'input', version, sizeBytes: content.length, modifiedAt: 0 }
  }
  const read = (object = stored(), range = { start: 100, end: 2_999_000 }) =>
    readAll(openAt(server.endpoint), object, range)

  test.each(['reset', 'end'] as const)(
    'goes on where the connection broke off (%s)',
    async (kind) => {
      server.script = inOrder({ kind, afterBytes: 1_000_000 }, { kind, afterBytes: 7 })
      expect(Buffer.compare(await read(), bytes.subarray(100, 2_999_000))).toBe(0)
      const starts = server.requests.map(({ from }) => from)
      expect(starts).toHaveLength(3)
      expect(starts).toEqual(starts.toSorted((a, b) => a - b))
      expect(server.requests.every(({ headers }) => headers.has('if-match'))).toBe(true)
    },
  )

  test('waits longer and longer for connections that bring nothing, and gives up in the end', async () => {
    server.script = () => ({ kind: 'reset', afterBytes: 0 })
    await expect(read()).rejects.toEqual(refusal('store_unavailable'))
    expect(pauses).toEqual([100, 200, 400, 800, 1_600])
  })

  test('never gives up on a connection that is slow to bring something again and again', async () => {
    server.script = () => ({ kind: 'reset', afterBytes: 200_000 })
    expect((await read()).length).toBe(2_998_900)
    expect(server.requests.length).toBeGreaterThan(10)
  })

  test('waits for a body of 1 KB a second, and asks only once', async () => {
    server.script = () => ({ kind: 'trickle', bytesPerSecond: 1_000 })
    const few = stored(bytes.subarray(0, 3_000))
    const began = performance.now()
    const read = await readAll(openAt(server.endpoint), few, { start: 0, end: 3_000 })
    expect(Buffer.compare(read, bytes.subarray(0, 3_000))).toBe(0)
    expect(performance.now() - began).toBeGreaterThan(2_000)
    expect(server.requests).toHaveLength(1)
  })

  test('gets over errors of the server and a request to slow down', async () => {
    server.script = inOrder(
      { kind: 'refuse', status: 503, reason: 'SlowDown' },
      { kind: 'refuse', status: 500, reason: 'InternalError' },
    )
    expect((await read()).length).toBe(2_998_900)
    expect(server.requests).toHaveLength(3)
  })

  test('stops after some errors of the server in a row', async () => {
    server.script = () => ({ kind: 'refuse', status: 503, reason: 'SlowDown' })
    await expect(read()).rejects.toEqual(refusal('store_unavailable'))
    expect(server.requests).toHaveLength(5)
  })

  test.each([
    ['a refusal', 403, 'AccessDenied', 'store_unavailable'],
    ['a bucket that is not there', 404, 'NoSuchBucket', 'store_unavailable'],
    ['an object that is not there', 404, 'NoSuchKey', 'object_gone'],
    ['a version that is not there', 404, 'NoSuchVersion', 'object_gone'],
    ['another version', 412, 'PreconditionFailed', 'object_gone'],
    ['a shorter object', 416, 'InvalidRange', 'object_gone'],
  ] as const)('says at once what %s means', async (_, status, reason, code) => {
    server.script = () => ({ kind: 'refuse', status, reason })
    await expect(read()).rejects.toEqual(refusal(code))
    expect(server.requests).toHaveLength(1)
  })

  test('never goes on in another version of the object', async () => {
    const object = stored()
    const other = someBytes(bytes.length, 2)
    server.script = inOrder(
      { kind: 'reset', afterBytes: 500_000 },
      { kind: 'meanwhile', run: () => void server.files.set('input', other) },
    )
    const parts: Uint8Array[] = []
    const reading = (async () => {
      for await (const part of openAt(server.endpoint).read(object)) parts.push(part)
    })()
    await expect(reading).rejects.toEqual(refusal('object_gone', 'input'))
    const given = Buffer.concat(parts)
    expect(Buffer.compare(given, bytes.subarray(0, given.length))).toBe(0)
  })

  test.each([
    ['knows no ranges', { kind: 'ignore range' }],
    ['answers with another range', { kind: 'shift range' }],
  ] as const)('takes nothing from a server that %s', async (_, fault) => {
    server.script = () => fault
    await expect(read()).rejects.toEqual(refusal('store_unavailable'))
  })
})

describe('writing into a bucket', () => {
  /** S3 as far as it is needed here: puts with a condition, and uploads in parts. */
  async function startWritableServer() {
    const objects = new Map<string, number>()
    let aborted = 0
    const server = await startFaultyHttpServer(
      ({ method, url, headers, body }: ReceivedRequest) => {
        const headersOf = { headers: { etag: '"tag"' }, body: '' }
        if (method === 'DELETE' && url.searchParams.has('uploadId')) aborted += 1
        if (method === 'DELETE') return { status: 204, body: '' }
        if (url.searchParams.has('uploads')) {
          return { status: 200, body: '<R><UploadId>u</UploadId></R>' }
        }
        if (url.searchParams.has('partNumber')) return { status: 200, ...headersOf }
        const isTaken = headers['if-none-match'] === '*' && objects.has(url.pathname)
        if (isTaken) return { status: 412, body: '<Error><Code>PreconditionFailed</Code></Error>' }
        objects.set(url.pathname, body.length)
        return {
          status: 200,
          ...headersOf,
          body: method === 'POST' ? '<R><ETag>"tag"</ETag></R>' : '',
        }
      },
    )
    return { ...server, objects, store: openAt(server.url), aborts: () => aborted }
  }
  const conflict = answer(409, '<Error><Code>ConditionalRequestConflict</Code></Error>')
  const slowDown = answer(503, '<Error><Code>SlowDown</Code></Error>')
  const large = someBytes(17 * 1024 * 1024)
  async function* stream() {
    yield large
  }

  test('gets over a conflict with another write, and a request to slow down', async () => {
    const { store, plan, received, stop } = await startWritableServer()
    plan(conflict, slowDown, conflict)
    expect((await store.put('k', bytes, { ifAbsent: true })).kind).toBe('written')
    expect(received).toHaveLength(4)
    expect(received.every(({ headers }) => headers['if-none-match'] === '*')).toBe(true)
    await stop()
  })

  test('finds that the object exists where the reply to its own put was lost', async () => {
    const { store, plan, objects, stop } = await startWritableServer()
    plan(cut(true))
    expect(await store.put('k', bytes, { ifAbsent: true })).toEqual({ kind: 'exists' })
    expect([...objects.keys()]).toEqual(['/bucket/k'])
    await stop()
  })

  test('gives up where conflicts do not end', async () => {
    const { store, always, received, stop } = await startWritableServer()
    always(conflict)
    await expect(store.put('k', bytes)).rejects.toEqual(refusal('store_unavailable'))
    expect(received).toHaveLength(6)
    await stop()
  })

  test('sends a part again that was not taken, and leaves nothing where none gets through', async () => {
    const { store, plan, always, aborts, objects, stop } = await startWritableServer()
    plan(undefined, slowDown, cut(false))
    expect((await store.write('k', stream())).kind).toBe('written')
    expect(aborts()).toBe(0)

    plan(undefined)
    always(answer(500))
    const write = store.write('other', stream())
    await expect(write).rejects.toEqual(refusal('store_unavailable'))
    expect([...objects.keys()]).toEqual(['/bucket/k'])
    await stop()
  }, 30_000)

  test('takes away the parts of an object that another has made meanwhile', async () => {
    const { store, aborts, stop } = await startWritableServer()
    await store.put('k', bytes)
    expect(await store.write('k', stream(), { ifAbsent: true })).toEqual({ kind: 'exists' })
    expect(aborts()).toBe(1)
    await stop()
  })
})

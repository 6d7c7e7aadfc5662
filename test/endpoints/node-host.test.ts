import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { type NodeHostOptions, startNodeHost } from '#shared/endpoints/node-host.ts'
import type { HttpRequest } from '#shared/protocols/http-message.ts'
import { rawCall } from './raw-call.ts'

/** A host whose endpoint answers with what it was asked. */
async function start(options: Partial<NodeHostOptions> = {}) {
  const seen: HttpRequest[] = []
  const host = await startNodeHost({
    host: '127.0.0.1',
    port: 0,
    bodyLimitBytes: 1_000,
    async endpoint(request) {
      seen.push(request)
      const { method, path, query, oversized = false } = request
      const body = Buffer.from(request.body).toString('latin1')
      return {
        status: oversized ? 413 : 200,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ method, path, query, body, oversized }),
      }
    },
    ...options,
  })
  onTestFinished(() => host.close())
  return { host, seen }
}
const close = 'Host: x\r\nConnection: close\r\n'
const bodyOf = (answer: string) => JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4))

test('hands over method, path, query, headers, body and the address of the caller', async () => {
  const { host, seen } = await start()
  const answer = await fetch(`${host.url}/a%20b?x=1&y=%C3%BC&x=2`, {
    method: 'POST',
    headers: { 'X-Api-Key': 'k' },
    body: Uint8Array.of(0, 255, 10),
  })
  expect(await answer.json()).toMatchObject({
    method: 'POST',
    path: '/a b',
    query: { x: '2', y: 'ü' },
    body: '\u0000\u00ff\n',
    oversized: false,
  })
  expect(seen[0]).toMatchObject({ headers: { 'x-api-key': 'k' }, sourceIp: '127.0.0.1' })
  expect(answer.headers.get('content-length')).not.toBeNull()
})

test('answers the calls of one connection in their order', async () => {
  const { host } = await start()
  const answer = await rawCall(
    host.url,
    'GET /1 HTTP/1.1\r\nHost: x\r\n\r\n',
    'POST /2 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi',
    `GET /3 HTTP/1.1\r\n${close}\r\n`,
  )
  const paths = [...answer.matchAll(/"path":"([^"]+)"/g)].map(([, path]) => path)
  expect(paths).toStrictEqual(['/1', '/2', '/3'])
})

test('takes a body of the limit', async () => {
  const { host } = await start()
  const answer = await fetch(host.url, { method: 'POST', body: 'x'.repeat(1_000) })
  expect(answer.status).toBe(200)
})

test('refuses a larger body by its length alone, and closes the connection', async () => {
  const { host, seen } = await start()
  const head = `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n`
  const answer = await rawCall(host.url, head, 'x'.repeat(1_001), 'GET /next HTTP/1.1\r\n\r\n')
  expect(answer).toMatch(/^HTTP\/1\.1 413 /)
  expect(answer).toMatch(/connection: close/i)
  expect(bodyOf(answer)).toMatchObject({ oversized: true, body: '' })
  expect(seen).toHaveLength(1)
})

test('refuses a larger body that comes in chunks, and closes the connection', async () => {
  const { host, seen } = await start()
  const chunk = `190\r\n${'x'.repeat(400)}\r\n`
  const answer = await rawCall(
    host.url,
    'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n',
    chunk.repeat(3),
    '0\r\n\r\n',
  )
  expect(answer).toMatch(/^HTTP\/1\.1 413 /)
  expect(seen).toMatchObject([{ oversized: true }])
})

test('lets a caller who sends everything before it reads see that it was too much', async () => {
  const { host } = await start()
  const { hostname, port } = new URL(host.url)
  const body = new Uint8Array(8_000_000)
  const socket = connect(Number(port), hostname)
  let answer = ''
  socket.pause()
  const head = `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n`
  socket.write(head)
  await new Promise<void>((resolve, reject) => {
    socket.on('error', reject)
    socket.write(body, () => resolve())
  })
  socket.on('data', (chunk) => {
    answer += chunk
  })
  socket.resume()
  await once(socket, 'close')
  expect(answer).toMatch(/^HTTP\/1\.1 413 /)
})

test('answers 431 to a header block of more than 8 KB', async () => {
  const { host, seen } = await start()
  const large = 'x'.repeat(8_200)
  expect(await rawCall(host.url, `GET / HTTP/1.1\r\n${close}A: ${large}\r\n\r\n`)).toMatch(
    /^HTTP\/1\.1 431 /,
  )
  expect(await rawCall(host.url, `GET /${large} HTTP/1.1\r\n${close}\r\n`)).toMatch(
    /^HTTP\/1\.1 431 /,
  )
  expect(seen).toStrictEqual([])
})

test.each([
  ['//', '//'],
  ['//evil.example/v2', '//evil.example/v2'],
  ['/%', '/%'],
  ['/%ff', '/%ff'],
  ['/a%2Fb', '/a/b'],
  ['/a/../b', '/b'],
  ['/[', '/['],
  ['/?', '/'],
  ['http://other.example/v2?x=1', '/v2'],
  ['*', '/*'],
])('reads the target %s as the path %s', async (target, path) => {
  const { host } = await start()
  const answer = await rawCall(host.url, `OPTIONS ${target} HTTP/1.1\r\n${close}\r\n`)
  expect(answer).toMatch(/^HTTP\/1\.1 200 /)
  expect(bodyOf(answer).path).toBe(path)
})

test.each([
  ['no HTTP at all', 'hello\r\n\r\n'],
  ['two lengths', `POST / HTTP/1.1\r\n${close}Content-Length: 1\r\nContent-Length: 2\r\n\r\n`],
  [
    'a length and chunks',
    `POST / HTTP/1.1\r\n${close}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`,
  ],
  ['a negative length', `POST / HTTP/1.1\r\n${close}Content-Length: -1\r\n\r\n`],
  ['no host', 'GET / HTTP/1.1\r\n\r\n'],
])('answers 400 to %s', async (_, bytes) => {
  const { host, seen } = await start()
  expect(await rawCall(host.url, bytes)).toMatch(/^HTTP\/1\.1 400 /)
  expect(seen).toStrictEqual([])
})

test('serves others while one caller is slow, and the slow one when it is ready', async () => {
  const { host } = await start()
  const { hostname, port } = new URL(host.url)
  const slow = connect(Number(port), hostname)
  let answer = ''
  slow.on('data', (chunk) => {
    answer += chunk
  })
  slow.write(`POST /slow HTTP/1.1\r\n${close}Content-Length: 3\r\n\r\n`)
  for (const byte of 'abc') {
    expect((await fetch(`${host.url}/fast`)).status).toBe(200)
    slow.write(byte)
  }
  await once(slow, 'close')
  expect(bodyOf(answer)).toMatchObject({ path: '/slow', body: 'abc' })
})

test('answers 408 to a caller that never ends its request', async () => {
  const { host, seen } = await start({ requestTimeoutMs: 100 })
  const part = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc'
  expect(await rawCall(host.url, part)).toMatch(/^HTTP\/1\.1 408 /)
  expect(seen).toStrictEqual([])
})

test('forgets a caller that goes away amid its body', async () => {
  const { host, seen } = await start()
  const { hostname, port } = new URL(host.url)
  const caller = connect(Number(port), hostname)
  caller.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc')
  await once(caller, 'connect')
  expect((await fetch(host.url)).status).toBe(200)
  caller.destroy()
  await once(caller, 'close')
  expect((await fetch(host.url)).status).toBe(200)
  expect(seen.map(({ method }) => method)).toStrictEqual(['GET', 'GET'])
})

test('lets a call under way end when it closes, and closes at once after it', async () => {
  const gate = Promise.withResolvers<void>()
  const arrived = Promise.withResolvers<void>()
  const { host } = await start({
    async endpoint() {
      arrived.resolve()
      await gate.promise
      return { status: 200, headers: {}, body: 'done' }
    },
  })
  const call = fetch(host.url)
  await arrived.promise
  const closing = host.close()
  const startedAt = performance.now()
  gate.resolve()
  expect(await (await call).text()).toBe('done')
  await closing
  expect(performance.now() - startedAt).toBeLessThan(1_000)
  await expect(fetch(host.url)).rejects.toThrow()
})

test('says that a port is taken', async () => {
  const { host } = await start()
  const port = Number(new URL(host.url).port)
  await expect(start({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' })
})

/** A host that answers with a stream: one piece, and then nothing for ever. */
async function startEndless(contentType: string) {
  const left = Promise.withResolvers<void>()
  const asked = Promise.withResolvers<void>()
  const pieces = [Buffer.from('first')]
  const stream: AsyncIterable<Uint8Array> = {
    [Symbol.asyncIterator]: () => ({
      async next() {
        const value = pieces.shift()
        if (value) return { done: false, value }
        asked.resolve()
        return new Promise<never>(() => undefined)
      },
      async return() {
        left.resolve()
        return { done: true, value: undefined }
      },
    }),
  }
  const { host } = await start({
    endpoint: async () => ({
      status: 200,
      headers: { 'content-type': contentType },
      body: '',
      stream,
    }),
  })
  return { host, left: left.promise, asked: asked.promise }
}

test('ends a stream at once when its reader goes away, also while it waits', async () => {
  const { host, left, asked } = await startEndless('application/jsonl')
  const gone = new AbortController()
  const { body } = await fetch(host.url, { signal: gone.signal })
  const first = await body?.getReader().read()
  expect(Buffer.from(first?.value ?? []).toString()).toBe('first')
  await asked
  gone.abort()
  await left
})

test('does not wait for those who listen to events when it closes', async () => {
  const { host, left, asked } = await startEndless('text/event-stream')
  const { body } = await fetch(host.url)
  await asked
  await host.close()
  await left
  await expect(new Response(body).text()).rejects.toThrow()
})

test('answers HEAD of a stream without asking for it', async () => {
  const { host } = await startEndless('text/event-stream')
  const answer = await fetch(host.url, { method: 'HEAD' })
  expect([answer.status, await answer.text()]).toEqual([200, ''])
})

test('lets an upload take longer than other bodies, and hands it over as it arrives', async () => {
  const first = Promise.withResolvers<string>()
  const endpoint: NodeHostOptions['endpoint'] = async ({ stream }) => {
    let text = ''
    for await (const piece of stream ?? []) {
      text += Buffer.from(piece).toString()
      first.resolve(text)
    }
    return { status: 200, headers: {}, body: text }
  }
  endpoint.takesUpload = (method, path) => method === 'POST' && path === '/upload'
  const { host } = await start({ endpoint, requestTimeoutMs: 100 })
  const { hostname, port } = new URL(host.url)
  const socket = connect(Number(port), hostname)
  const answer = once(socket, 'data')
  socket.write(`POST /upload HTTP/1.1\r\n${close}Content-Length: 6\r\n\r\nabc`)
  expect(await first.promise).toBe('abc')
  // A request of the other kind is given up meanwhile.
  const other = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc'
  expect(await rawCall(host.url, other)).toMatch(/^HTTP\/1\.1 408 /)
  socket.write('def')
  const [bytes] = await answer
  expect(String(bytes)).toMatch(/^HTTP\/1\.1 200 /)
})

import { once } from 'node:events'
import { request } from 'node:http'
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { localEndpoint } from '#shared/endpoints/local-endpoint.ts'
import { type NodeHost, startNodeHost } from '#shared/endpoints/node-host.ts'
import { type LocalService, startLocalService } from '#test/support/local-service.ts'
import { rawCall } from './raw-call.ts'

/** Uploads as they come over a wire: too large, too slow, broken off, by strangers. */
let service: LocalService
let host: NodeHost
beforeAll(async () => {
  service = await startLocalService()
  const { services } = service
  host = await startNodeHost({
    endpoint: localEndpoint({ ...services, uploadLimitBytes: 2_000_000 }),
    host: '127.0.0.1',
    port: 0,
    bodyLimitBytes: services.bodyLimitBytes,
  })
})
afterAll(async () => {
  await host.close()
  await service.stop()
})

const head =
  '--line\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--line\r\nContent-Disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\n'
const tail = '\r\n--line--\r\n'
const megabyte = Buffer.alloc(1_000_000, '"a text of a line"\n')

/** Sends a file piece by piece. @returns the answer, and how much was sent until it came */
async function send(url: string, pieces: number, key = service.key) {
  const outgoing = request(`${url}/v1/files`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${key}`,
      'content-type': 'multipart/form-data; boundary=line',
    },
  })
  outgoing.on('error', () => undefined)
  const answered = once(outgoing, 'response')
  let done = false
  answered.finally(() => {
    done = true
  })
  let sent = 0
  outgoing.write(head)
  for (; sent < pieces && !done; sent += 1) {
    if (outgoing.write(megabyte)) await new Promise((resolve) => setImmediate(resolve))
    else await Promise.race([once(outgoing, 'drain'), answered])
  }
  outgoing.end(tail)
  const [answer] = await answered
  let text = ''
  for await (const piece of answer) text += piece
  return { status: answer.statusCode as number, body: JSON.parse(text), sent }
}
const stored = async () =>
  (await service.services.batch.objects.list('uploads/', { limit: 100 })).objects.length

test('refuses a file that is too large as soon as it is, and keeps nothing of it', async () => {
  const before = await stored()
  const { status, body, sent } = await send(host.url, 1_000)
  expect([status, body]).toMatchObject([413, { error: { code: 'payload_too_large' } }])
  expect(sent).toBeLessThan(100)
  expect(await stored()).toBe(before)
  expect((await send(host.url, 1)).status).toBe(200)
})

test('takes a large file in little memory', async () => {
  global.gc?.()
  const before = process.memoryUsage()
  let most = 0
  const look = setInterval(() => {
    const { external, heapUsed } = process.memoryUsage()
    most = Math.max(most, external + heapUsed - before.external - before.heapUsed)
  }, 5)
  const { status, body } = await send(service.url, 150)
  clearInterval(look)
  expect([status, body]).toMatchObject([200, { bytes: 150_000_000 }])
  expect(most).toBeLessThan(100_000_000)
  const deleted = await service.request(`/v1/files/${body.id}`, { method: 'DELETE' })
  expect(deleted.status).toBe(200)
})

test('answers a stranger before his file is read', async () => {
  const call = `POST /v1/files HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer nobody\r\nContent-Type: multipart/form-data; boundary=line\r\nContent-Length: 100000000\r\n\r\n`
  const answer = await rawCall(host.url, call)
  expect(answer).toMatch(/^HTTP\/1\.1 401 /)
  expect(answer).toMatch(/connection: close/i)
  expect(answer).toContain('"authentication_error"')
})

test('takes bytes that have no name of their own', async () => {
  const nameless = head.replace(
    '; filename="a.jsonl"',
    '\r\nContent-Type: application/octet-stream',
  )
  const answer = await fetch(`${service.url}/v1/files`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${service.key}`,
      'content-type': 'multipart/form-data; boundary=line',
    },
    body: `${nameless}"a text"\n${tail}`,
  })
  expect([answer.status, await answer.json()]).toMatchObject([200, { filename: 'file', bytes: 9 }])
})

test('keeps nothing of an upload that breaks off, and serves the next', async () => {
  const before = await stored()
  const { hostname, port } = new URL(host.url)
  const socket = connect(Number(port), hostname)
  socket.write(
    `POST /v1/files HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${service.key}\r\nContent-Type: multipart/form-data; boundary=line\r\nContent-Length: 1500000\r\n\r\n${head}`,
  )
  await new Promise((resolve) => socket.write(megabyte, resolve))
  socket.destroy()
  await once(socket, 'close')
  const failed = () => service.log.some((line) => line.includes('"upload_invalid"'))
  await expect.poll(failed).toBe(true)
  expect(await stored()).toBe(before)
  expect((await send(host.url, 1)).status).toBe(200)
})

test('takes the fields behind the file, too, and a name in any letters', async () => {
  const form = new FormData()
  form.append('file', new Blob(['"x"\n']), 'Grüße ☀.jsonl')
  form.append('expires_after[seconds]', '3600')
  form.append('expires_after[anchor]', 'created_at')
  form.append('purpose', 'batch')
  const answer = await service.request('/v1/files', { method: 'POST', body: form })
  const file = (await answer.json()) as { created_at: number; expires_at: number }
  expect(file).toMatchObject({ filename: 'Grüße ☀.jsonl', bytes: 4, purpose: 'batch' })
  expect(file.expires_at - file.created_at).toBe(3_600)
})

test('tells the size of a file to who asks for its head', async () => {
  const { body } = await send(host.url, 1)
  const headers = { authorization: `Bearer ${service.key}` }
  const content = `${host.url}/v1/files/${body.id}/content`
  const answer = await fetch(content, { method: 'HEAD', headers })
  expect([answer.status, answer.headers.get('content-length')]).toEqual([200, '1000000'])
  expect(await answer.text()).toBe('')
})

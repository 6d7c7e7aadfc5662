import { afterEach, describe, expect, test } from 'vitest'
import type { Resolve } from '#shared/jobs/webhooks/guarded-lookup.ts'
import { createWebhookSender } from '#shared/jobs/webhooks/send-webhook.ts'
import { selfSignedCertificate } from '#test/servers/self-signed-certificate.ts'
import { startHookServer } from './hook-server.ts'

const running: { stop(): Promise<void> }[] = []
afterEach(async () => {
  for (const server of running.splice(0)) await server.stop()
})
async function serve(...about: Parameters<typeof startHookServer>) {
  const server = await startHookServer(...about)
  running.push(server)
  return server
}
const local = { local: true }
const message = (url: string) => ({ url, headers: { 'x-a': 'b' }, body: '{"ü":1}' })
/** A name server that answers one thing after the other. */
function planted(...answers: string[][]) {
  const asked: string[] = []
  const resolve: Resolve = async (host) => {
    asked.push(host)
    const addresses = answers.shift() ?? []
    return addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
  }
  return { asked, resolve }
}

describe('a webhook', () => {
  test('is sent over TLS to whom the certificate names, and to nobody else', async () => {
    const { certificate, key } = selfSignedCertificate()
    const server = await serve({ key, cert: certificate })
    const send = createWebhookSender({ policy: local, ca: certificate })
    expect(await send(message(server.url))).toEqual({ kind: 'answered', status: 200 })
    expect(server.hooks).toMatchObject([
      { path: '/hook', body: '{"ü":1}', headers: { 'x-a': 'b' } },
    ])
    const untrusting = createWebhookSender({ policy: local })
    const unknown = { kind: 'failed', reason: 'unreachable' }
    expect(await untrusting(message(server.url))).toEqual(unknown)
    // The certificate is that of 127.0.0.1.
    const { resolve } = planted(['127.0.0.1'])
    const byName = createWebhookSender({ policy: local, ca: certificate, resolve })
    expect(await byName(message(`https://localhost:${server.port}/`))).toEqual(unknown)
    expect(server.hooks).toHaveLength(1)
  })

  test.each([
    ['this machine', ['127.0.0.1']],
    ['a private network', ['10.0.0.1']],
    ['the metadata of a cloud', ['169.254.169.254']],
    ['this machine in IPv6', ['::1']],
    ['this machine, mapped', ['::ffff:127.0.0.1']],
    ['the metadata behind NAT64', ['64:ff9b::a9fe:a9fe']],
    ['a public and a private address', ['1.1.1.1', '10.0.0.1']],
    ['nothing', []],
  ])('goes nowhere where its name resolves to %s', async (_, addresses) => {
    const { asked, resolve } = planted(addresses)
    const send = createWebhookSender({ policy: {}, resolve })
    const refused = { kind: 'failed', reason: 'refused-address' }
    expect(await send(message('https://hooks.example/x'))).toEqual(refused)
    expect(asked).toEqual(['hooks.example'])
  })

  test('goes where was checked, and is checked anew each time: its name cannot be bound anew', async () => {
    const server = await serve()
    const { asked, resolve } = planted(['127.0.0.1'], ['10.0.0.1'])
    const send = createWebhookSender({ policy: local, resolve })
    const url = `http://localhost:${server.port}/`
    expect(await send(message(url))).toEqual({ kind: 'answered', status: 200 })
    // Looked up once: there is no second look between the check and the connection.
    expect(asked).toEqual(['localhost'])
    expect(await send(message(url))).toEqual({ kind: 'failed', reason: 'refused-address' })
    expect([server.hooks.length, server.connections]).toEqual([1, 1])
  })

  test('follows no redirect', async () => {
    const other = await serve()
    const server = await serve(undefined, (outgoing) => {
      outgoing.writeHead(307, { location: other.url }).end()
    })
    const send = createWebhookSender({ policy: local })
    expect(await send(message(server.url))).toEqual({ kind: 'answered', status: 307 })
    expect(other.connections).toBe(0)
  })

  test('waits for no answer longer than the limit', async () => {
    const server = await serve(undefined, () => undefined)
    const send = createWebhookSender({ policy: local, timeoutMs: 200 })
    expect(await send(message(server.url))).toEqual({ kind: 'failed', reason: 'timeout' })
    const slow = planted()
    const never = createWebhookSender({
      policy: local,
      timeoutMs: 200,
      resolve: async (host) => {
        await slow.resolve(host)
        return new Promise(() => undefined)
      },
    })
    expect(await never(message('https://hooks.example/'))).toEqual({
      kind: 'failed',
      reason: 'timeout',
    })
  })

  test('reads no more of an answer than its status, however long it is', async () => {
    const ended = Promise.withResolvers<void>()
    const server = await serve(undefined, (outgoing) => {
      outgoing.on('close', () => ended.resolve())
      outgoing.writeHead(200)
      const flood = () => {
        while (!outgoing.destroyed && outgoing.write('x'.repeat(65_536)));
        if (!outgoing.destroyed) outgoing.once('drain', flood)
      }
      flood()
    })
    const send = createWebhookSender({ policy: local })
    expect(await send(message(server.url))).toEqual({ kind: 'answered', status: 200 })
    await ended.promise
  })

  test('is over where the answer has more headers than anybody needs', async () => {
    const server = await serve(undefined, (outgoing) => {
      outgoing.writeHead(200, { 'x-much': 'x'.repeat(20_000) }).end()
    })
    const send = createWebhookSender({ policy: local })
    expect(await send(message(server.url))).toEqual({ kind: 'failed', reason: 'unreachable' })
  })

  test('tells that nobody is there', async () => {
    const server = await startHookServer()
    await server.stop()
    const send = createWebhookSender({ policy: local })
    expect(await send(message(server.url))).toEqual({ kind: 'failed', reason: 'unreachable' })
  })
})

import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AnswerStore } from '#shared/metering/answer-store.ts'
import { createDirectoryAnswerStore } from '#shared/metering/directory-answer-store.ts'
import { createS3AnswerStore } from '#shared/metering/s3-answer-store.ts'
import { type RealS3Server, startRealS3Server } from '#test/servers/real-s3-server.ts'

const body = Uint8Array.from({ length: 100_000 }, (_, index) => (index * 7) % 256)
let made = 0
const freshName = () => `${'ab'.repeat(32)}-${++made}`

/** What every store of answers promises. */
function describeAnswerStore(open: () => AnswerStore): void {
  test('gives back what was put, to the last byte', async () => {
    const store = open()
    const name = freshName()
    await store.put(name, body)
    expect(Buffer.compare((await store.get(name)) ?? new Uint8Array(), body)).toBe(0)
    await store.put(freshName(), new Uint8Array())
  })

  test('has nothing under a name that was never put, or was removed', async () => {
    const store = open()
    const name = freshName()
    expect(await store.get(name)).toBeUndefined()
    await store.remove(name)
    await store.put(name, body)
    await store.remove(name)
    expect(await store.get(name)).toBeUndefined()
  })

  test('never replaces what has a name', async () => {
    const store = open()
    const name = freshName()
    await store.put(name, body)
    await store.put(name, new Uint8Array([1, 2, 3]))
    expect((await store.get(name))?.length).toBe(body.length)
  })

  test('takes many concurrent puts of the same answer', async () => {
    const store = open()
    const name = freshName()
    await Promise.all(Array.from({ length: 8 }, () => store.put(name, body)))
    expect((await store.get(name))?.length).toBe(body.length)
  })
}

describe('answers in a directory', () => {
  const directory = mkdtempSync(join(tmpdir(), 'percall-answers-'))
  afterAll(() => rmSync(directory, { recursive: true }))

  describeAnswerStore(() => createDirectoryAnswerStore(join(directory, 'made/later')))

  test('leaves no draft behind', () => {
    const files = readdirSync(join(directory, 'made/later'))
    expect(files.filter((name) => name.endsWith('.draft'))).toEqual([])
    expect(files.length).toBeGreaterThan(0)
  })
})

describe('answers in S3', () => {
  let server: RealS3Server
  beforeAll(async () => {
    server = await startRealS3Server()
  }, 120_000)
  afterAll(() => server?.stop())
  const open = (changes: { bucket?: string; endpoint?: string } = {}) => {
    const { bucket, region, endpoint, accessKeyId, secretAccessKey } = server
    const credentials = () => ({ accessKeyId, secretAccessKey })
    return createS3AnswerStore({ bucket, region, endpoint, credentials, sleep, ...changes })
  }
  const sleep = async () => {}

  describeAnswerStore(open)

  test('says that the store is unavailable where there is no such bucket', async () => {
    const store = open({ bucket: 'absent' })
    await expect(store.put('x', body)).rejects.toMatchObject({ code: 'store_unavailable' })
  })

  test('gets over a reply that was lost, and one that says to slow down', async () => {
    let asked = 0
    const objects = new Map<string, Buffer>()
    const faulty = createServer(async (request, response) => {
      asked += 1
      const parts: Buffer[] = []
      for await (const part of request) parts.push(part)
      const name = request.url ?? ''
      if (asked === 1) response.writeHead(503).end('<Code>SlowDown</Code>')
      else if (request.method === 'PUT' && objects.has(name)) response.writeHead(412).end()
      else {
        objects.set(name, Buffer.concat(parts))
        request.socket.destroy()
      }
    }).listen(0, '127.0.0.1')
    await once(faulty, 'listening')
    const address = faulty.address()
    const port = typeof address === 'object' ? address?.port : undefined
    try {
      // Refused, then stored with its reply lost, then found to be there.
      await open({ endpoint: `http://127.0.0.1:${port}` }).put('x', body)
      expect(asked).toBe(3)
      expect([...objects.values()]).toEqual([Buffer.from(body)])
    } finally {
      faulty.closeAllConnections()
      faulty.close()
    }
  })
})

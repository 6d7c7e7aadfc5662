import { readdirSync } from 'node:fs'
import {
  ListMultipartUploadsCommand,
  PutBucketVersioningCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createS3ObjectStore } from '#shared/batch/stores/s3-object-store.ts'
import { type RealS3Server, startRealS3Server } from '#test/servers/real-s3-server.ts'
import { refusal } from '#test/support/refusal.ts'
import { describeObjectStore, putNew, readAll } from './object-store-contract.ts'
import { someBytes } from './some-bytes.ts'

const large = someBytes(17 * 1024 * 1024)

interface Changes {
  bucket?: string
  secretAccessKey?: string
  now?: (() => number) | undefined
}

describe.each([
  ['with versions', true],
  ['without versions', false],
])('objects in a bucket %s', (_, versions) => {
  let server: RealS3Server
  let client: S3Client
  beforeAll(async () => {
    server = await startRealS3Server({ versions })
    const { endpoint, region, accessKeyId, secretAccessKey } = server
    const credentials = { accessKeyId, secretAccessKey }
    client = new S3Client({ endpoint, region, credentials, forcePathStyle: true })
    if (!versions) return
    const VersioningConfiguration = { Status: 'Enabled' } as const
    await client.send(
      new PutBucketVersioningCommand({ Bucket: server.bucket, VersioningConfiguration }),
    )
  }, 120_000)
  afterAll(async () => {
    client?.destroy()
    await server?.stop()
  })
  const open = ({ now = Date.now, ...changes }: Changes = {}) => {
    const { endpoint, region, bucket, accessKeyId, secretAccessKey } = { ...server, ...changes }
    const credentials = () => ({ accessKeyId, secretAccessKey })
    return createS3ObjectStore({ endpoint, region, bucket, credentials, now })
  }

  describeObjectStore(() => open())

  test('are read as they were after they were overwritten only where there are versions', async () => {
    const store = open()
    const object = await putNew(store, 'pinned', someBytes(10))
    await store.put('pinned', someBytes(10, 2))
    if (versions) {
      await store.remove('pinned')
      expect(await readAll(store, object)).toEqual(Buffer.from(someBytes(10)))
    } else {
      await expect(readAll(store, object)).rejects.toEqual(refusal('object_gone', 'pinned'))
      await store.remove('pinned')
      await expect(readAll(store, object)).rejects.toEqual(refusal('object_gone', 'pinned'))
    }
  })

  test('are open to whoever has their signed URL, and only while it holds', async () => {
    const object = await putNew(open(), 'folder/a name+.jsonl', someBytes(10))
    const how = { seconds: 60, mediaType: 'application/jsonl', fileName: 'results.jsonl' }
    const get = async (now?: () => number) =>
      fetch((await open({ now }).signedUrl?.(object, how)) ?? '')
    const answer = await get()
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, how.mediaType])
    expect(answer.headers.get('content-disposition')).toContain('results.jsonl')
    expect(Buffer.from(await answer.arrayBuffer())).toEqual(Buffer.from(someBytes(10)))
    const late = await get(() => Date.now() - 90_000)
    expect(late.status).toBe(403)
    await late.body?.cancel()
  })

  test('leave no parts behind where the source fails or another was there first', async () => {
    const store = open()
    async function* failing() {
      yield large
      throw new Error('the source broke')
    }
    async function* whole() {
      yield large
    }
    await expect(store.write('parts', failing())).rejects.toThrow('the source broke')
    await store.put('parts', someBytes(1))
    expect((await store.write('parts', whole(), { ifAbsent: true })).kind).toBe('exists')
    const uploads = await client.send(new ListMultipartUploadsCommand({ Bucket: server.bucket }))
    expect(uploads.Uploads ?? []).toEqual([])
    expect(readdirSync(server.bucketDirectory)).toContain('parts')
  })

  test('are out of reach without the bucket or the right key', async () => {
    for (const store of [open({ bucket: 'absent' }), open({ secretAccessKey: 'wrong' })]) {
      const unavailable = refusal('store_unavailable')
      const object = { key: 'k', version: '"e"', sizeBytes: 1, modifiedAt: 0 }
      await expect(store.put('k', large)).rejects.toEqual(unavailable)
      await expect(store.list('', { limit: 1 })).rejects.toEqual(unavailable)
      await expect(readAll(store, object)).rejects.toEqual(unavailable)
      await store.close()
    }
  })
})

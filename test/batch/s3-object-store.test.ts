import { readdirSync } from 'node:fs'
import {
  ListMultipartUploadsCommand,
  PutBucketVersioningCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createS3ObjectStore } from '#shared/batch/s3-object-store.ts'
import { type RealS3Server, startRealS3Server } from '#test/servers/real-s3-server.ts'
import { refusal } from '#test/support/refusal.ts'
import { describeObjectStore, putNew, readAll } from './object-store-contract.ts'
import { someBytes } from './some-bytes.ts'

const large = someBytes(17 * 1024 * 1024)

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
  const open = (changes: { bucket?: string; secretAccessKey?: string } = {}) => {
    const { endpoint, region, bucket, accessKeyId, secretAccessKey } = { ...server, ...changes }
    const credentials = () => ({ accessKeyId, secretAccessKey })
    return createS3ObjectStore({ endpoint, region, bucket, credentials })
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

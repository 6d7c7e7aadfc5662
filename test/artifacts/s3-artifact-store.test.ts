import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { s3ArtifactStore } from '#shared/artifacts/s3-artifact-store.ts'
import { type RealS3Server, startRealS3Server } from '#test/servers/real-s3-server.ts'
import { artifactStoreContract, refOf, someBytes } from './artifact-store-contract.ts'

let server: RealS3Server
beforeAll(async () => {
  server = await startRealS3Server()
}, 180_000)
afterAll(() => server?.stop())

const storeAt = (prefix: string, secretAccessKey = server.secretAccessKey) => {
  const { endpoint, region, bucket, accessKeyId } = server
  const credentials = { accessKeyId, secretAccessKey }
  return s3ArtifactStore({ endpoint, region, bucket, prefix, credentials })
}

artifactStoreContract('S3 store', async () => ({
  store: storeAt('stage/'),
  damage: (key, bytes) => writeFile(join(server.bucketDirectory, 'stage', key), bytes),
}))

test('keeps to its own prefix of the bucket', async () => {
  const bytes = someBytes(10)
  await storeAt('one/').publish('a.onnx', bytes)
  await expect(storeAt('two').fetch(refOf('a.onnx', bytes))).rejects.toMatchObject({
    code: 'artifact_not_found',
    detail: 'The artifact store answered 404 NoSuchKey for a.onnx.',
  })
  expect(await Array.fromAsync(storeAt('two').list())).toEqual([])
})

test('signs as a real server expects, and says that access was denied where it cannot', async () => {
  const bytes = someBytes(10)
  await storeAt('').publish('b.onnx', bytes)
  const stranger = storeAt('', 'not-the-secret')
  const denied = { code: 'artifact_access_denied' }
  await expect(stranger.fetch(refOf('b.onnx', bytes))).rejects.toMatchObject(denied)
  await expect(stranger.publish('c.onnx', bytes)).rejects.toMatchObject(denied)
  await expect(stranger.has(refOf('b.onnx', bytes))).rejects.toMatchObject(denied)
  await expect(Array.fromAsync(stranger.list())).rejects.toMatchObject(denied)
})

test('fetches a file of 100 MB', async () => {
  const bytes = Buffer.alloc(100_000_000, someBytes(1_000_003))
  await storeAt('').publish('big.onnx', bytes)
  const fetched = await storeAt('').fetch(refOf('big.onnx', bytes, true))
  expect(Buffer.compare(fetched, bytes)).toBe(0)
}, 60_000)

import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import type { ArtifactRef } from '#shared/artifacts/artifact-store.ts'
import {
  type CachedArtifactStoreOptions,
  cachedArtifactStore,
} from '#shared/artifacts/cached-artifact-store.ts'
import { directoryArtifactStore } from '#shared/artifacts/directory-artifact-store.ts'
import { s3ArtifactStore } from '#shared/artifacts/s3-artifact-store.ts'
import {
  type FaultyS3Server,
  inOrder,
  startFaultyS3Server,
} from '#test/servers/faulty-s3-server.ts'
import { startRealS3Server } from '#test/servers/real-s3-server.ts'
import { artifactStoreContract, flipBit, refOf, someBytes } from './artifact-store-contract.ts'

const temporaryDirectory = () => mkdtemp(join(tmpdir(), 'percall-cache-'))
const maxBytes = 100 * 1024 * 1024

artifactStoreContract('cached directory store', async () => {
  const [directory, cacheDirectory] = [await temporaryDirectory(), await temporaryDirectory()]
  return {
    store: cachedArtifactStore(directoryArtifactStore({ directory }), {
      directory: cacheDirectory,
      maxBytes,
    }),
    damage: (key, bytes) => writeFile(join(directory, key), bytes),
    close: async () => {
      await rm(directory, { recursive: true })
      await rm(cacheDirectory, { recursive: true })
    },
  }
})

artifactStoreContract('cached S3 store', async () => {
  const [server, directory] = [await startRealS3Server(), await temporaryDirectory()]
  const { bucketDirectory, accessKeyId, secretAccessKey, stop } = server
  const store = s3ArtifactStore({ ...server, credentials: { accessKeyId, secretAccessKey } })
  return {
    store: cachedArtifactStore(store, { directory, maxBytes }),
    damage: (key, bytes) => writeFile(join(bucketDirectory, key), bytes),
    close: async () => {
      await stop()
      await rm(directory, { recursive: true })
    },
  }
})

const model = someBytes(50_000)
const ref = refOf('model.onnx', model)

let server: FaultyS3Server
let directory: string
let time: number
beforeEach(async () => {
  server = await startFaultyS3Server()
  directory = await temporaryDirectory()
  time = Date.UTC(2026, 10, 23)
  server.files.set(ref.key, model)
  onTestFinished(async () => {
    await server.stop()
    await rm(directory, { recursive: true, force: true })
  })
})

const cached = (options: Partial<CachedArtifactStoreOptions> = {}) => {
  const credentials = { accessKeyId: 'key', secretAccessKey: 'secret' }
  const { endpoint } = server
  const s3 = { bucket: 'models', region: 'us-east-1', credentials, endpoint }
  const store = s3ArtifactStore({ ...s3, retryDelayMs: [1, 2] })
  return cachedArtifactStore(store, { directory, maxBytes, now: () => time, ...options })
}
const addFile = (key: string, length: number, seed: number): ArtifactRef => {
  const bytes = someBytes(length, seed)
  server.files.set(key, bytes)
  return refOf(key, bytes)
}
const fetchedKeys = () => server.requests.map(({ key }) => key)

test('downloads once for twenty callers at the same time, and hands all of them the same bytes', async () => {
  const store = cached()
  const all = await Promise.all(Array.from({ length: 20 }, () => store.fetch(ref)))
  expect(server.requests).toHaveLength(1)
  expect(new Set(all).size).toBe(1)
})

test('takes a file from the disk the second time, also in another process', async () => {
  await cached().fetch(ref)
  const again = await cached().fetch(ref)
  expect(Buffer.compare(again, model)).toBe(0)
  expect(server.requests).toHaveLength(1)
})

test('keeps a file under its digest: the same bytes under another key are not fetched', async () => {
  const store = cached()
  await store.fetch(ref)
  await store.fetch({ ...ref, key: 'renamed.onnx' })
  expect(server.requests).toHaveLength(1)
})

test.each([
  ['has a flipped bit', flipBit(model, 12_345)],
  ['is too short', model.subarray(1)],
])('fetches a file again that %s on the disk, and mends the copy', async (_, damaged) => {
  const store = cached()
  await store.fetch(ref)
  await writeFile(join(directory, ref.sha256), damaged)
  const fetched = await store.fetch(ref)
  expect(Buffer.compare(fetched, model)).toBe(0)
  expect(server.requests).toHaveLength(2)
  expect(Buffer.compare(await readFile(join(directory, ref.sha256)), model)).toBe(0)
})

test('stays within its size by letting go of what was used least recently', async () => {
  const store = cached({ maxBytes: 30_000 })
  const [a, b, c] = [addFile('a', 10_000, 2), addFile('b', 10_000, 3), addFile('c', 10_000, 4)]
  // `a` is the oldest, but used again after `b`.
  for (const use of [a, b, c, a]) {
    time += 1000
    await store.fetch(use)
  }
  time += 1000
  const d = addFile('d', 10_000, 5)
  await store.fetch(d)
  expect(new Set(await readdir(directory))).toEqual(new Set([a.sha256, c.sha256, d.sha256]))
  await store.fetch(b)
  expect(fetchedKeys()).toEqual(['a', 'b', 'c', 'd', 'b'])
})

test('hands through a file that is larger than the whole cache, and throws nothing out for it', async () => {
  const store = cached({ maxBytes: 60_000 })
  await store.fetch(ref)
  const large = addFile('large', 60_001, 2)
  await store.fetch(large)
  expect(await readdir(directory)).toEqual([ref.sha256])
})

test('clears away what a killed process left half written, but not what another is writing', async () => {
  const [abandoned, current] = ['.abandoned', '.current']
  for (const [name, ageMs] of [
    [abandoned, 3_700_000],
    [current, 60_000],
  ] as const) {
    await writeFile(join(directory, name), 'half')
    await utimes(join(directory, name), (time - ageMs) / 1000, (time - ageMs) / 1000)
  }
  await cached().fetch(ref)
  expect(new Set(await readdir(directory))).toEqual(new Set([current, ref.sha256]))
})

test.each([
  ['artifact_not_found', 404],
  ['artifact_access_denied', 403],
])('repeats %s for five seconds without asking, then asks again', async (code, status) => {
  server.script = inOrder({ kind: 'refuse', status, reason: 'No' })
  const store = cached()
  for (const waitMs of [0, 1, 4_998]) {
    time += waitMs
    await expect(store.fetch(ref)).rejects.toMatchObject({ code })
  }
  expect(server.requests).toHaveLength(1)
  time += 1
  expect(Buffer.compare(await store.fetch(ref), model)).toBe(0)
})

test('forgets every other failure at once, and keeps nothing of it', async () => {
  server.script = inOrder({ kind: 'flip bit', at: 7 }, { kind: 'truncated 200', bytes: 10 })
  const store = cached()
  await expect(store.fetch(ref)).rejects.toMatchObject({ code: 'artifact_digest_mismatch' })
  await expect(store.fetch(ref)).rejects.toMatchObject({ code: 'artifact_truncated' })
  expect(await readdir(directory)).toEqual([])
  expect(Buffer.compare(await store.fetch(ref), model)).toBe(0)
})

test('asks again at once after the missing file was published', async () => {
  const source = directoryArtifactStore({ directory: join(directory, 'source') })
  const store = cachedArtifactStore(source, { directory: join(directory, 'cache'), maxBytes })
  await expect(store.fetch(ref)).rejects.toMatchObject({ code: 'artifact_not_found' })
  await store.publish(ref.key, model)
  expect(Buffer.compare(await store.fetch(ref), model)).toBe(0)
})

test('serves on where the cache cannot be written, and says so', async () => {
  const failures: unknown[] = []
  await writeFile(join(directory, 'file'), '')
  const store = cached({
    directory: join(directory, 'file', 'below'),
    onCacheFailure: (error) => failures.push(error),
  })
  expect(Buffer.compare(await store.fetch(ref), model)).toBe(0)
  expect(failures).toHaveLength(1)
})

test('ends the download when its last caller has gone, not before', async () => {
  server.script = inOrder({ kind: 'trickle', bytesPerSecond: 200_000 })
  const store = cached()
  const callers = [new AbortController(), new AbortController()]
  const started = Promise.withResolvers<void>()
  const fetched = callers.map(({ signal }) =>
    store.fetch(ref, { signal, onProgress: () => started.resolve() }),
  )
  await started.promise
  callers[0]?.abort(new Error('first'))
  await expect(fetched[0]).rejects.toThrow('first')
  callers[1]?.abort(new Error('second'))
  await expect(fetched[1]).rejects.toThrow('second')
  expect(await readdir(directory)).toEqual([])
  expect(Buffer.compare(await store.fetch(ref), model)).toBe(0)
})

test('tells its progress to every caller who waits', async () => {
  const store = cached()
  const last = [0, 0, 0]
  await Promise.all(
    last.map((_, index) =>
      store.fetch(ref, {
        onProgress: ({ receivedBytes }) => {
          last[index] = receivedBytes
        },
      }),
    ),
  )
  expect(last).toEqual([model.length, model.length, model.length])
})

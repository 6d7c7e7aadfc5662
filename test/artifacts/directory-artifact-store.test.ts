import { mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { directoryArtifactStore } from '#shared/artifacts/directory-artifact-store.ts'
import { artifactStoreContract, refOf, someBytes } from './artifact-store-contract.ts'

const temporaryDirectory = () => mkdtemp(join(tmpdir(), 'percall-artifacts-'))

artifactStoreContract('directory store', async () => {
  const directory = await temporaryDirectory()
  return {
    store: directoryArtifactStore({ directory }),
    damage: (key, bytes) => writeFile(join(directory, key), bytes),
    close: () => rm(directory, { recursive: true }),
  }
})

test('lists nothing where the directory does not exist yet', async () => {
  const store = directoryArtifactStore({ directory: join(tmpdir(), 'percall-never-made') })
  expect(await Array.fromAsync(store.list())).toEqual([])
})

test('leaves no draft behind when a file cannot be published', async () => {
  const directory = await temporaryDirectory()
  onTestFinished(() => rm(directory, { recursive: true }))
  const store = directoryArtifactStore({ directory })
  await store.publish('taken/file', someBytes(10))
  // `taken` is a directory: the draft is written, and then cannot take that name.
  await expect(store.publish('taken', someBytes(10))).rejects.toThrow()
  expect(await readdir(directory)).toEqual(['taken'])
})

test('does not list a half written file', async () => {
  const directory = await temporaryDirectory()
  onTestFinished(() => rm(directory, { recursive: true }))
  await writeFile(join(directory, '.model.onnx.draft'), 'half')
  const store = directoryArtifactStore({ directory })
  expect(await Array.fromAsync(store.list())).toEqual([])
})

test('says that a file may not be read', async () => {
  const directory = await temporaryDirectory()
  onTestFinished(() => rm(directory, { recursive: true }))
  const [store, path] = [directoryArtifactStore({ directory }), join(directory, 'secret.onnx')]
  // The administrator may read every file but one that the kernel itself keeps write-only.
  if (process.getuid?.() === 0) await symlink('/proc/sys/vm/compact_memory', path)
  else await writeFile(path, 'secret', { mode: 0 })
  const fetched = store.fetch(refOf('secret.onnx', someBytes(10)))
  await expect(fetched).rejects.toMatchObject({ code: 'artifact_access_denied' })
})

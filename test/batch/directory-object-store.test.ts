import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { createDirectoryObjectStore } from '#shared/batch/stores/directory-object-store.ts'
import { refusal } from '#test/support/refusal.ts'
import { describeObjectStore, freshFolder, putNew, readAll } from './object-store-contract.ts'
import { someBytes } from './some-bytes.ts'

const directory = mkdtempSync(join(tmpdir(), 'percall-objects-'))
afterAll(() => rmSync(directory, { recursive: true }))
const childPath = fileURLToPath(new URL('./write-objects-child.ts', import.meta.url))
const open = (folder = directory) => createDirectoryObjectStore({ directory: folder })
const large = someBytes(3 * 1024 * 1024 + 5)

function fileBeside(path: string): string {
  writeFileSync(`${path}2`, large)
  return `${path}2`
}

describe('objects in a directory', () => {
  describeObjectStore(() => open(join(directory, 'made/later')))

  test('are for the eyes of their owner alone', async () => {
    const folder = join(directory, freshFolder())
    await open(folder).put('a/b', large)
    for (const path of ['', 'a', '.drafts']) {
      expect(statSync(join(folder, path)).mode & 0o777).toBe(0o700)
    }
    expect(statSync(join(folder, 'a/b')).mode & 0o777).toBe(0o600)
  })

  test.each<[string, (path: string) => void]>([
    ['deleted', (path) => rmSync(path)],
    ['replaced', (path) => renameSync(fileBeside(path), path)],
    ['cut short', (path) => truncateSync(path, large.length - 1)],
    ['cut short and filled again', (path) => writeFileSync(path, large)],
    ['made longer', (path) => appendFileSync(path, 'x')],
  ])('say at once that a file is gone which was %s while it is read', async (_, change) => {
    const store = open()
    const key = `${freshFolder()}/input`
    const object = await putNew(store, key, large)
    let given = 0
    const reading = (async () => {
      for await (const bytes of store.read(object)) {
        given += bytes.length
        if (given === bytes.length) change(join(directory, key))
      }
    })()
    await expect(reading).rejects.toEqual(refusal('object_gone'))
    expect(given).toBe(1024 * 1024)
  })

  test('are what others put there: files, and neither links nor pipes nor hidden files', async () => {
    const folder = join(directory, freshFolder())
    mkdirSync(join(folder, 'incoming/.git'), { recursive: true })
    writeFileSync(join(folder, 'incoming/.rows.csv.Xy12'), 'half of it')
    writeFileSync(join(folder, 'incoming/.git/config'), 'hidden')
    writeFileSync(join(folder, 'incoming/rows.csv'), 'a,b\n')
    symlinkSync('/etc/hostname', join(folder, 'incoming/link'))
    const store = open(folder)
    const { objects } = await store.list('incoming/', { limit: 9 })
    expect(objects.map(({ key }) => key)).toEqual(['incoming/rows.csv'])
    expect(await store.head('incoming/link')).toBeUndefined()
    const object = { key: 'incoming/link', version: '', sizeBytes: 1, modifiedAt: 0 }
    await expect(readAll(store, object)).rejects.toEqual(refusal('object_gone'))
  })

  test('are listed nowhere above the directory', async () => {
    const folder = join(directory, freshFolder())
    await open(folder).put('inside', large)
    for (const prefix of ['../', '/', './', 'inside/../../']) {
      expect(await open(folder).list(prefix, { limit: 9 })).toEqual({ objects: [] })
    }
  })

  test('are listed a page at a time out of folders of any size', async () => {
    const folder = join(directory, freshFolder())
    const names = Array.from({ length: 5_000 }, (_, index) => `n${(index * 7_919) % 5_000}`)
    mkdirSync(join(folder, 'many'), { recursive: true })
    for (const name of names) writeFileSync(join(folder, 'many', name), '')
    const store = open(folder)
    const keys: string[] = []
    let after: string | undefined
    do {
      const page = await store.list('many/', { after, limit: 701 })
      keys.push(...page.objects.map(({ key }) => key))
      after = page.next
    } while (after !== undefined)
    expect(keys).toEqual(names.map((name) => `many/${name}`).sort())
  })

  test('say that the store is unavailable where a file is in the way of a folder', async () => {
    const store = open()
    const key = `${freshFolder()}/file`
    await store.put(key, large)
    await expect(store.put(`${key}/below`, large)).rejects.toEqual(refusal('store_unavailable'))
    const files = readdirSync(join(directory, '.drafts'))
    expect(files).toEqual([])
  })
})

describe('a crash', () => {
  test.each([0, 10, 50, 150])(
    'in the middle of writing leaves nothing that can be seen (killed after %i ms)',
    async (afterMs) => {
      const folder = join(directory, freshFolder())
      const child = spawn(process.execPath, [childPath, folder], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      await once(child.stdout, 'data')
      setTimeout(() => child.kill('SIGKILL'), afterMs)
      const [, signal] = await once(child, 'close')
      expect(signal).toBe('SIGKILL')

      const store = open(folder)
      for (const object of (await store.list('', { limit: 100 })).objects) {
        const bytes = await readAll(store, object)
        expect(Buffer.compare(bytes, someBytes(4 * 1024 * 1024 + 1, 7))).toBe(0)
      }
    },
  )

  test('leaves drafts that are cleared away a day later', async () => {
    const folder = join(directory, freshFolder())
    await open(folder).put('object', large)
    const [old, young] = ['old', 'young'].map((name) => join(folder, '.drafts', name))
    if (!old || !young) throw new Error()
    writeFileSync(old, 'half of it')
    writeFileSync(young, 'still being written')
    utimesSync(old, 0, Date.now() / 1_000 - 90_000)
    await open(folder).put('another', large)
    expect(readdirSync(join(folder, '.drafts'))).toEqual(['young'])
  })
})

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import type { ObjectStore } from '#shared/batch/object-store.ts'
import { createDirectoryObjectStore } from '#shared/batch/stores/directory-object-store.ts'
import { sendObject } from '#shared/endpoints/send-object.ts'
import { refusal } from '#test/support/refusal.ts'

const directory = mkdtempSync(join(tmpdir(), 'percall-send-'))
afterAll(() => rmSync(directory, { recursive: true }))

const inDirectory = createDirectoryObjectStore({ directory })
const open: ObjectStore = {
  ...inDirectory,
  signedUrl: async ({ key }, { seconds, mediaType, fileName }) =>
    `https://store/${key}?${new URLSearchParams({ seconds: String(seconds), mediaType, fileName })}`,
}
const small = Buffer.from('{"record":1}\n')
const large = Buffer.alloc(3_000_001, 0x20)

test('sends a large object itself where the store is not open to callers', async () => {
  await inDirectory.put('large/results.jsonl', large)
  const { status, headers, stream } = await sendObject('large/results.jsonl', inDirectory, {
    method: 'GET',
  })
  expect([status, headers['content-length']]).toEqual([200, '3000001'])
  expect(headers['content-disposition']).toBe('attachment; filename="results.jsonl"')
  const bytes = Buffer.concat(await Array.fromAsync(stream ?? []))
  expect(bytes.equals(large)).toBe(true)
})

test('sends callers to an open store for what a function could not answer', async () => {
  await inDirectory.put('large/results.csv', large)
  const { status, headers, stream } = await sendObject('large/results.csv', open, { method: 'GET' })
  expect([status, stream]).toEqual([307, undefined])
  const { searchParams, pathname } = new URL(headers.location ?? '')
  expect(pathname).toBe('/large/results.csv')
  expect(Object.fromEntries(searchParams)).toEqual({
    seconds: '300',
    mediaType: 'text/csv; charset=utf-8',
    fileName: 'results.csv',
  })
})

test('sends a small object itself from any store', async () => {
  await inDirectory.put('small/results.jsonl', small)
  const { status, stream } = await sendObject('small/results.jsonl', open, { method: 'GET' })
  expect(status).toBe(200)
  expect(Buffer.concat(await Array.fromAsync(stream ?? []))).toEqual(small)
})

test('answers HEAD itself, with the size and without the bytes: what is signed is a GET', async () => {
  await inDirectory.put('large/results.jsonl.gz', large)
  for (const store of [inDirectory, open]) {
    const { status, headers, stream } = await sendObject('large/results.jsonl.gz', store, {
      method: 'HEAD',
    })
    expect([status, headers['content-length'], headers['content-type']]).toEqual([
      200,
      '3000001',
      'application/gzip',
    ])
    expect(await Array.fromAsync(stream ?? [])).toEqual([])
  }
})

test('says that an object is gone', async () => {
  await expect(sendObject('absent', open, { method: 'GET' })).rejects.toEqual(
    refusal('resource_not_found'),
  )
})

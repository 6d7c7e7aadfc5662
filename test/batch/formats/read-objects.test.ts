import { describe, expect, it } from 'vitest'
import { readRecords } from '#shared/batch/formats/read-records.ts'
import type { ObjectStore } from '#shared/batch/object-store.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { collect } from './collect.ts'
import { memoryObject } from './memory-object.ts'

/** A list of images and a store that has them; `gone` and `down` fail as their names say. */
function album(...keys: string[]) {
  const listed = keys.map((key) => ({ key, version: '1', sizeBytes: key.length, modifiedAt: 0 }))
  const list = memoryObject(Buffer.from(listed.map((one) => `${JSON.stringify(one)}\n`).join('')), {
    key: 'list',
  })
  const read: ObjectStore['read'] = (object, range) => {
    if (object.key === 'list') return list.read(object, range)
    if (object.key === 'gone') throw new ServiceError('object_gone', { detail: 'It is gone.' })
    if (object.key === 'down') throw new ServiceError('store_unavailable')
    return memoryObject(Buffer.from(object.key)).read(object, range)
  }
  return { source: { format: 'objects', object: list.object } as const, read }
}

describe('reading a list of objects', () => {
  it('gives the bytes of each, in order, whatever the cuts', async () => {
    const keys = Array.from({ length: 30 }, (_, index) => `image-${index}.png`)
    const { source, read } = album(...keys)
    for (const chunkBytes of [1_000_000, 70, 7]) {
      const values: unknown[] = []
      for (let start = 0; start < source.object.sizeBytes; start += chunkBytes) {
        const range = { start, end: start + chunkBytes }
        const { records } = await collect(readRecords(source, range, read))
        values.push(...records.map(({ key, value }) => [key, String(value)]))
      }
      expect(values).toEqual(keys.map((key) => [key, key]))
    }
  })

  it('makes one error each of an object that is gone and one that is too large', async () => {
    const { source, read } = album('a.png', 'gone', 'much-larger.png', 'b.png')
    const range = { start: 0, end: source.object.sizeBytes }
    const { records, lines } = await collect(readRecords(source, range, read, { objectBytes: 10 }))
    expect(records.map(({ key, line, error }) => [key, line, error?.code])).toEqual([
      ['a.png', 0, undefined],
      ['gone', 1, 'object_gone'],
      ['much-larger.png', 2, 'record_too_large'],
      ['b.png', 3, undefined],
    ])
    expect(lines).toBe(4)
  })

  it('fails where the store fails, so that the chunk is tried again', async () => {
    const { source, read } = album('a.png', 'down')
    const reading = collect(readRecords(source, { start: 0, end: 1_000 }, read))
    await expect(reading).rejects.toMatchObject({ code: 'store_unavailable' })
  })
})

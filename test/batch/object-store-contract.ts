import { describe, expect, test } from 'vitest'
import type { ByteRange, ObjectStore, StoredObject } from '#shared/batch/object-store.ts'
import { refusal } from '#test/support/refusal.ts'
import { someBytes } from './some-bytes.ts'

const megabyte = 1024 * 1024
const small = someBytes(1_000)
/** Not a multiple of any part, and more than is sent or read in one go. */
const large = someBytes(20 * megabyte + 17)
let made = 0
export const freshFolder = () => `contract-${++made}`

export async function readAll(
  store: ObjectStore,
  object: StoredObject,
  range?: ByteRange,
): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(store.read(object, range)))
}

export async function putNew(store: ObjectStore, key: string, bytes: Uint8Array) {
  const outcome = await store.put(key, bytes)
  if (outcome.kind !== 'written') throw new Error(`${key} was not written.`)
  return outcome.object
}

async function* inParts(bytes: Uint8Array, partBytes: number) {
  for (let start = 0; start < bytes.length; start += partBytes) {
    yield bytes.subarray(start, start + partBytes)
  }
}

async function* failing(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
  throw new Error('the source broke')
}

/** Who has just written an object may say its time by another clock, and not to the millisecond. */
const sameAs = (object: StoredObject) => ({
  ...object,
  modifiedAt: expect.toSatisfy((at: number) => Math.abs(at - object.modifiedAt) < 60_000),
})

/** The very bytes of the version, or the word that it is gone: nothing else may come. */
const outcomeOf = (reading: Promise<Buffer>) =>
  reading.then(
    (bytes) => bytes,
    (error) => error.code,
  )

/** What every object store promises, whatever is behind it. */
export function describeObjectStore(open: () => ObjectStore): void {
  const folder = freshFolder()
  const keyOf = (name: string) => `${folder}/${name}`

  describe('reading', () => {
    test.each([
      ['nothing', new Uint8Array()],
      ['one byte', someBytes(1)],
      ['a small object', small],
      ['a large object', large],
    ])('gives back the very bytes that were stored: %s', async (title, bytes) => {
      const store = open()
      for (const [way, stored] of [
        ['put', await store.put(keyOf(`${title} put`), bytes)],
        ['write', await store.write(keyOf(`${title} write`), inParts(bytes, 700_001))],
      ] as const) {
        if (stored.kind !== 'written') throw new Error()
        expect(await store.head(keyOf(`${title} ${way}`))).toEqual(sameAs(stored.object))
        expect(stored.object.sizeBytes).toBe(bytes.length)
        expect(Buffer.compare(await readAll(store, stored.object), bytes)).toBe(0)
      }
    })

    test.each([
      [0, 0],
      [0, 1],
      [7, 7],
      [1, 999],
      [999, 1_000],
      [1_000, 1_000],
    ])('gives bytes %i to %i', async (start, end) => {
      const store = open()
      const object = await putNew(store, keyOf('ranges'), small)
      const bytes = await readAll(store, object, { start, end })
      expect(Buffer.compare(bytes, small.subarray(start, end))).toBe(0)
    })

    test('gives a range that lies in the middle of a large object', async () => {
      const store = open()
      const object = await putNew(store, keyOf('large range'), large)
      const range = { start: 3 * megabyte - 1, end: 12 * megabyte + 5 }
      const bytes = await readAll(store, object, range)
      expect(Buffer.compare(bytes, large.subarray(range.start, range.end))).toBe(0)
    })

    test('hands out small pieces, so that nobody holds a large object in memory', async () => {
      const store = open()
      const object = await putNew(store, keyOf('pieces'), large)
      let longest = 0
      for await (const bytes of store.read(object)) longest = Math.max(longest, bytes.length)
      expect(longest).toBeLessThanOrEqual(megabyte)
    })

    test('may be given up in the middle', async () => {
      const store = open()
      const object = await putNew(store, keyOf('given up'), large)
      for await (const bytes of store.read(object)) {
        expect(bytes.length).toBeGreaterThan(0)
        break
      }
      expect((await readAll(store, object, { start: 0, end: 3 })).length).toBe(3)
    })

    test('finds nothing where nothing is', async () => {
      const store = open()
      await store.put(keyOf('there/below'), small)
      expect(await store.head(keyOf('not there'))).toBeUndefined()
      expect(await store.head(keyOf('there'))).toBeUndefined()
      expect(await store.head(keyOf('there/below/that'))).toBeUndefined()
    })
  })

  describe('a version', () => {
    const other = someBytes(small.length, 2)

    test('is another one when other bytes of the same length take its place', async () => {
      const store = open()
      const first = await putNew(store, keyOf('replaced'), small)
      const second = await putNew(store, keyOf('replaced'), other)
      expect(second.version).not.toBe(first.version)
      expect(await store.head(keyOf('replaced'))).toEqual(sameAs(second))
      expect(Buffer.compare(await readAll(store, second), other)).toBe(0)
    })

    test('is read as it was, or said to be gone, once it was overwritten', async () => {
      const store = open()
      const first = await putNew(store, keyOf('overwritten'), small)
      await putNew(store, keyOf('overwritten'), other)
      const outcome = await outcomeOf(readAll(store, first))
      expect(['object_gone', Buffer.from(small)]).toContainEqual(outcome)
    })

    test('is read as it was, or said to be gone, once it was deleted', async () => {
      const store = open()
      const object = await putNew(store, keyOf('deleted'), small)
      await store.remove(keyOf('deleted'))
      expect(await store.head(keyOf('deleted'))).toBeUndefined()
      const outcome = await outcomeOf(readAll(store, object))
      expect(['object_gone', Buffer.from(small)]).toContainEqual(outcome)
    })

    test.each(['overwritten', 'deleted'])(
      'is never mixed when it is %s while it is read',
      async (what) => {
        const store = open()
        const key = keyOf(`${what} in the middle`)
        const object = await putNew(store, key, large)
        const parts: Uint8Array[] = []
        const reading = (async () => {
          for await (const bytes of store.read(object)) {
            if (parts.push(bytes) > 1) continue
            if (what === 'deleted') await store.remove(key)
            else await store.put(key, someBytes(large.length, 3))
          }
          return 'whole'
        })()
        const outcome = await reading.catch((error) => error.code)
        expect(['object_gone', 'whole']).toContain(outcome)
        const bytes = Buffer.concat(parts)
        expect(Buffer.compare(bytes, large.subarray(0, bytes.length))).toBe(0)
        if (outcome === 'whole') expect(bytes.length).toBe(large.length)
      },
    )
  })

  describe('writing', () => {
    test('leaves nothing where the source fails, and says what failed', async () => {
      const store = open()
      for (const bytes of [small, large]) {
        const write = store.write(keyOf('failed'), failing(bytes))
        await expect(write).rejects.toThrow('the source broke')
        expect(await store.head(keyOf('failed'))).toBeUndefined()
      }
    })

    test('leaves the object that was there where the source fails', async () => {
      const store = open()
      const object = await putNew(store, keyOf('kept'), small)
      await expect(store.write(keyOf('kept'), failing(large))).rejects.toThrow('the source broke')
      expect(await store.head(keyOf('kept'))).toEqual(sameAs(object))
    })

    test('shows nothing of an object before it is whole', async () => {
      const store = open()
      const seen: unknown[] = []
      async function* slowly() {
        for await (const bytes of inParts(large, 9 * megabyte)) {
          yield bytes
          seen.push(await store.head(keyOf('growing')))
          seen.push(...(await store.list(keyOf('growing'), { limit: 9 })).objects)
        }
      }
      await store.write(keyOf('growing'), slowly())
      expect(seen).toEqual([undefined, undefined, undefined])
      expect((await store.head(keyOf('growing')))?.sizeBytes).toBe(large.length)
    })

    test('replaces an object, and with ifAbsent leaves it as it is', async () => {
      const store = open()
      const key = keyOf('if absent')
      const ifAbsent = true
      expect((await store.put(key, small, { ifAbsent })).kind).toBe('written')
      const object = await store.head(key)
      expect(await store.put(key, someBytes(9), { ifAbsent })).toEqual({ kind: 'exists' })
      expect(await store.write(key, inParts(small, 10), { ifAbsent })).toEqual({ kind: 'exists' })
      expect(await store.write(key, inParts(large, megabyte), { ifAbsent })).toEqual({
        kind: 'exists',
      })
      expect(await store.head(key)).toEqual(object)
      expect((await store.write(key, inParts(large, megabyte))).kind).toBe('written')
      expect((await store.head(key))?.sizeBytes).toBe(large.length)
    })

    test.each([
      ['small', small],
      ['large', someBytes(17 * megabyte)],
    ])('lets exactly one of many rivals create a %s object', async (size, bytes) => {
      const store = open()
      const key = keyOf(`rivals ${size}`)
      const rivals = Array.from({ length: 6 }, (_, index) =>
        index % 2 === 0
          ? store.put(key, bytes, { ifAbsent: true })
          : store.write(key, inParts(bytes, 400_000), { ifAbsent: true }),
      )
      const kinds = (await Promise.all(rivals)).map(({ kind }) => kind).sort()
      expect(kinds).toEqual([...Array(5).fill('exists'), 'written'])
      expect((await store.head(key))?.sizeBytes).toBe(bytes.length)
    })

    test('removes what is there, and does not mind what is not', async () => {
      const store = open()
      await store.put(keyOf('removed'), small)
      await store.remove(keyOf('removed'))
      await store.remove(keyOf('removed'))
      await store.remove(keyOf('never/there'))
      expect(await store.head(keyOf('removed'))).toBeUndefined()
    })
  })

  describe('listing', () => {
    /** In the order of their bytes: `/` comes before letters and behind `-` and `.`. */
    const names = ['a-b', 'a.txt', 'a/b', 'a/b-c', 'a/b.d/e', 'a/b.d/f', 'a0', 'é', '\uffee', '𝒳']

    async function filled(store: ObjectStore) {
      const start = `${freshFolder()}/`
      for (const name of names.toReversed()) await store.put(start + name, Buffer.from(name))
      const pages = async (prefix: string, limit: number, first?: string) => {
        const keys: string[] = []
        let after = first
        do {
          const page = await store.list(prefix, { after, limit })
          expect(page.objects.length).toBeLessThanOrEqual(limit)
          keys.push(...page.objects.map(({ key }) => key.slice(start.length)))
          after = page.next
        } while (after !== undefined)
        return keys
      }
      return { start, pages }
    }

    test('gives all keys in the order of their bytes, whatever the size of a page', async () => {
      const { start, pages } = await filled(open())
      for (const limit of [1, 2, 3, 9, 10, 11, 1_000]) {
        expect(await pages(start, limit)).toEqual(names)
      }
    })

    test('gives the keys under a prefix, which need not end at a slash', async () => {
      const { start, pages } = await filled(open())
      expect(await pages(`${start}a/`, 2)).toEqual(['a/b', 'a/b-c', 'a/b.d/e', 'a/b.d/f'])
      expect(await pages(`${start}a/b`, 1)).toEqual(['a/b', 'a/b-c', 'a/b.d/e', 'a/b.d/f'])
      expect(await pages(`${start}a/b.`, 9)).toEqual(['a/b.d/e', 'a/b.d/f'])
      expect(await pages(`${start}a0`, 9)).toEqual(['a0'])
      expect(await pages(`${start}nothing`, 9)).toEqual([])
      expect(await pages(`${start}a0/`, 9)).toEqual([])
    })

    test('goes on after any text, be it a key or not', async () => {
      const { start, pages } = await filled(open())
      for (const [index, name] of names.entries()) {
        expect(await pages(start, 3, start + name)).toEqual(names.slice(index + 1))
      }
      expect(await pages(start, 3, `${start}a/b.d/ee`)).toEqual(names.slice(5))
      expect(await pages(start, 3, `${start}a/`)).toEqual(names.slice(2))
      expect(await pages(start, 3, '\u{10ffff}')).toEqual([])
    })

    test('says of each object what its head says', async () => {
      const store = open()
      const { start } = await filled(store)
      for (const object of (await store.list(start, { limit: 99 })).objects) {
        expect(await store.head(object.key)).toEqual(object)
      }
    })
  })

  describe('an object that is made piece by piece', () => {
    const pieces = (store: ObjectStore) => [
      large.subarray(0, store.pieceBytes),
      large.subarray(store.pieceBytes, Math.min(large.length, 2 * store.pieceBytes - 1)),
    ]

    test('is seen whole or not at all, whoever adds what, in any order and again', async () => {
      const store = open()
      const [first = small, last = small] = pieces(store)
      const draft = await store.begin(keyOf('piece-by-piece'))
      expect(await store.addPiece(draft, 1, last)).toBe('added')
      const other = open()
      expect(await other.addPiece(draft, 0, first)).toBe('added')
      expect(await other.addPiece(draft, 0, first)).toBe('added')
      expect(await store.head(draft.key)).toBeUndefined()
      expect((await store.list(draft.key, { limit: 9 })).objects).toEqual([])
      const outcome = await other.finish(draft, 2, { ifAbsent: true })
      if (outcome.kind !== 'written') throw new Error(outcome.kind)
      expect(sameAs(outcome.object)).toEqual(await store.head(draft.key))
      const whole = Buffer.concat([first, last])
      expect((await readAll(store, outcome.object)).equals(whole)).toBe(true)
      await store.abandon(draft)
      expect(await store.head(draft.key)).toEqual(await other.head(draft.key))
    })

    test('is not shown where pieces are missing, where it is gone, or over what is there', async () => {
      const store = open()
      const draft = await store.begin(keyOf('piece-missing'))
      await store.addPiece(draft, 0, pieces(store)[0] ?? small)
      expect(await store.finish(draft, 2)).toEqual({ kind: 'gone' })
      await store.put(draft.key, small)
      const late = await store.begin(draft.key)
      await store.addPiece(late, 0, small)
      expect(await store.finish(late, 1, { ifAbsent: true })).toEqual({ kind: 'exists' })
      await store.abandon(draft)
      await store.abandon(draft)
      for (const gone of [draft, late]) {
        expect(await store.addPiece(gone, 0, small)).toBe('gone')
        expect(await store.finish(gone, 1)).toEqual({ kind: 'gone' })
      }
      expect((await store.head(draft.key))?.sizeBytes).toBe(small.length)
    })
  })

  test('lends the same bytes, each until the next are asked for', async () => {
    const store = open()
    const object = await putNew(store, keyOf('lent'), large)
    for (const range of [undefined, { start: 5, end: 700_001 }]) {
      let place = range?.start ?? 0
      for await (const bytes of store.read(object, range, { lent: true })) {
        expect(Buffer.compare(bytes, large.subarray(place, place + bytes.length))).toBe(0)
        place += bytes.length
        bytes.fill(0)
      }
      expect(place).toBe(range?.end ?? large.length)
    }
  })

  test.each([
    '',
    '/absolute',
    '../outside',
    'a/../../outside',
    'a//b',
    'a/',
    '.',
    'a/.hidden',
    'a\0b',
    'a\nb',
    '\ud800',
    'k'.repeat(1_025),
  ])('refuses the key %j, which could leave its place', async (key) => {
    const store = open()
    const refused = refusal('object_key_invalid')
    const object = { key, version: '', sizeBytes: 1, modifiedAt: 0 }
    await expect(store.head(key)).rejects.toEqual(refused)
    await expect(store.put(key, small)).rejects.toEqual(refused)
    await expect(store.write(key, inParts(small, 9))).rejects.toEqual(refused)
    await expect(store.remove(key)).rejects.toEqual(refused)
    await expect(readAll(store, object)).rejects.toEqual(refused)
  })
}

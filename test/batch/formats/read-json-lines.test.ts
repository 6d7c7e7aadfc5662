import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readJsonLines } from '#shared/batch/formats/read-json-lines.ts'
import type { ObjectStore } from '#shared/batch/object-store.ts'
import { collect, outcomes } from './collect.ts'
import { memoryObject } from './memory-object.ts'

async function readAll(text: string | Uint8Array, options = {}) {
  const bytes = Buffer.from(text)
  const { object, read } = memoryObject(bytes, { blockBytes: 11 })
  return await collect(readJsonLines({ object }, { start: 0, end: bytes.length }, read, options))
}

describe('reading JSONL', () => {
  it('gives every value with its place, in any dialect of line ends', async () => {
    const { records, lines } = await readAll('\ufeff{"a":1}\r\n\n[1]\n  \n"x"')
    expect(records).toEqual([
      { offset: 0, line: 0, value: { a: 1 } },
      { offset: 13, line: 2, value: [1] },
      { offset: 20, line: 4, value: 'x' },
    ])
    expect(lines).toBe(4)
  })

  it.each<[string, string | Uint8Array, string]>([
    ['bytes that are not UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'record_invalid'],
    ['a NUL byte', '{"a":"\0"}', 'record_invalid'],
    ['a line that is cut off', '{"a":1', 'json_invalid'],
    ['a byte order mark in the middle', '\ufeff1', 'json_invalid'],
    ['NaN', '{"a":NaN}', 'number_not_finite'],
    ['Infinity', '[-Infinity]', 'number_not_finite'],
    ['a number beyond all numbers', '{"a":[{"b":-1e999}]}', 'number_not_finite'],
    ['a very long number', `1${'0'.repeat(400)}`, 'number_not_finite'],
    ['deep nesting', `${'['.repeat(33)}${']'.repeat(33)}`, 'json_too_deep'],
  ])('makes one error of %s, and reads on', async (_, bad, code) => {
    const { records } = await readAll(
      Buffer.concat(['1\n', bad, '\n2'].map((part) => Buffer.from(part))),
    )
    expect(outcomes(records)).toEqual([1, code, 2])
    expect(records[1]).toMatchObject({ offset: 2, line: 1 })
  })

  it.each([
    ['text that only looks like it', '{"a":"1e999 [[[[","b":"NaN"}'],
    ['nesting as deep as is allowed', `${'['.repeat(32)}${']'.repeat(32)}`],
    ['brackets in a string', JSON.stringify({ a: '[{'.repeat(100) })],
    ['large exponents that fit', '[1e300,1e-999,1E+0005]'],
  ])('reads %s', async (_, text) => {
    expect(outcomes((await readAll(text)).records)).toEqual([JSON.parse(text)])
  })

  it('quotes nothing of a bad record', async () => {
    const { records } = await readAll('{"secret":hunter2}')
    expect(records[0]?.error?.detail).toBe('The JSON is malformed or cut off.')
  })

  it('refuses what is nested a million levels deep as fast as any other record', async () => {
    const bomb = '['.repeat(1_000_000)
    const { records } = await readAll(`${bomb}\n1`, { recordBytes: 2_000_000 })
    expect(outcomes(records)).toEqual(['json_too_deep', 1])
    expect(outcomes((await readAll(`${bomb}\n1`, { recordBytes: 999 })).records)).toEqual([
      'record_too_large',
      1,
    ])
  }, 60_000)

  it('skips a line of 1 GB in flat memory, and no chunk within it owns it', async () => {
    const lineBytes = 1_000_000_000
    const tail = Buffer.from('\n{"a":1}\n')
    const object = { key: 'a', version: '1', sizeBytes: lineBytes + tail.length, modifiedAt: 0 }
    const block = Buffer.alloc(1_048_576, 'x')
    const read: ObjectStore['read'] = async function* (_, { start, end } = { start: 0, end: 0 }) {
      for (let at = start; at < Math.min(end, lineBytes); at += block.length) {
        yield block.subarray(0, Math.min(block.length, Math.min(end, lineBytes) - at))
      }
      if (end > lineBytes) yield tail.subarray(Math.max(0, start - lineBytes), end - lineBytes)
    }
    const before = process.memoryUsage.rss()
    const whole = await collect(
      readJsonLines({ object }, { start: 0, end: object.sizeBytes }, read),
    )
    expect(outcomes(whole.records)).toEqual(['record_too_large', { a: 1 }])
    expect(process.memoryUsage.rss() - before).toBeLessThan(100_000_000)
    const inside = { start: 5_000_000, end: 9_000_000 }
    expect(await collect(readJsonLines({ object }, inside, read))).toEqual({
      records: [],
      lines: 0,
    })
  })

  it('reads on no further than it must for the last record', async () => {
    const bytes = Buffer.from(`${'1'.repeat(10)}\n`.repeat(200_000))
    const { object, read } = memoryObject(bytes)
    let furthest = 0
    const watched: ObjectStore['read'] = (one, range) => {
      furthest = Math.max(furthest, range?.end ?? Number.POSITIVE_INFINITY)
      return read(one, range)
    }
    await collect(readJsonLines({ object }, { start: 0, end: 1_000 }, watched))
    expect(furthest).toBeLessThanOrEqual(1_000 + 65_536)
    await collect(readJsonLines({ object }, { start: 0, end: 1_100 }, watched))
    expect(furthest).toBeLessThanOrEqual(1_100 + 65_536)
  })

  it('does not take a connection that broke for the end of the file', async () => {
    const bytes = Buffer.from('1\n2\n3\n')
    const { object, read } = memoryObject(bytes)
    const broken: ObjectStore['read'] = (one, range) =>
      read(one, { start: range?.start ?? 0, end: (range?.end ?? 0) - 1 })
    const reading = collect(readJsonLines({ object }, { start: 0, end: 6 }, broken))
    await expect(reading).rejects.toMatchObject({ code: 'store_unavailable' })
  })

  it('gives back every value that can be written as JSON, however it is cut', async () => {
    const values = fc.array(fc.jsonValue({ maxDepth: 4 }), { maxLength: 8 })
    await fc.assert(
      fc.asyncProperty(values, fc.integer({ min: 1, max: 50 }), async (wanted, chunkBytes) => {
        const bytes = Buffer.from(wanted.map((value) => `${JSON.stringify(value)}\n`).join(''))
        const { object, read } = memoryObject(bytes, { blockBytes: 9 })
        const found: unknown[] = []
        for (let start = 0; start < bytes.length; start += chunkBytes) {
          const range = { start, end: Math.min(bytes.length, start + chunkBytes) }
          found.push(...outcomes((await collect(readJsonLines({ object }, range, read))).records))
        }
        expect(found).toEqual(wanted.map((value) => JSON.parse(JSON.stringify(value))))
      }),
      { numRuns: 300, seed: 3 },
    )
  })
})

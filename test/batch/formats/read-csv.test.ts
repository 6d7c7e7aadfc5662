import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cutCsv } from '#shared/batch/formats/cut-csv.ts'
import { detectFormat } from '#shared/batch/formats/detect-format.ts'
import { type CsvOptions, type CsvSource, readCsv } from '#shared/batch/formats/read-csv.ts'
import { collect, outcomes } from './collect.ts'
import { memoryObject } from './memory-object.ts'

/** As a planner does: detect, cut, read chunk by chunk. */
async function readAll(
  text: string | Uint8Array,
  { chunkBytes = 1_000, ...options }: CsvOptions & { chunkBytes?: number } = {},
) {
  const bytes = Buffer.from(text)
  const { object, read } = memoryObject(bytes, { blockBytes: 13 })
  const detected = detectFormat({
    head: bytes,
    sizeBytes: bytes.length,
    key: 'a.csv',
    declared: 'csv',
  })
  const source = { ...detected, object } as CsvSource
  const all = { records: [] as Awaited<ReturnType<typeof collect>>['records'], lines: 0 }
  for (const range of await cutCsv(read, object, { chunkBytes })) {
    const { records, lines } = await collect(readCsv(source, range, read, options))
    all.records.push(...records.map((record) => ({ ...record, line: record.line + all.lines })))
    all.lines += lines
  }
  return all
}

describe('reading CSV', () => {
  it('makes an object of each row, with newlines, separators and quotes inside of quotes', async () => {
    const { records, lines } = await readAll('\ufeffa,b\r\n1,"x\r\n""y"",z"\r\n\r\n2,é\r\n')
    expect(records).toEqual([
      { offset: 8, line: 1, value: { a: 1, b: 'x\r\n"y",z' } },
      { offset: 26, line: 4, value: { a: 2, b: 'é' } },
    ])
    expect(lines).toBe(5)
  })

  it('reads as numbers what is one in JSON, and leaves everything else as text', async () => {
    const fields = [
      '0',
      '-1.50',
      '2e3',
      '007',
      '+1',
      '1.',
      '.5',
      '1e999',
      '9007199254740993',
      '0x10',
      '',
      ' 1',
    ]
    const { records } = await readAll(
      `${fields.map((field) => `x${field}`).join(',')}\n${fields.join(',')}`,
    )
    expect(Object.values(records[0]?.value as object)).toEqual([
      0,
      -1.5,
      2000,
      '007',
      '+1',
      '1.',
      '.5',
      '1e999',
      '9007199254740993',
      '0x10',
      '',
      ' 1',
    ])
  })

  it('leaves numbers as text for models that take text', async () => {
    const { records } = await readAll('text,n\n42,1.0\n', { textOnly: true })
    expect(outcomes(records)).toEqual([{ text: '42', n: '1.0' }])
  })

  it.each<[string, string | Uint8Array]>([
    ['a row with a field too few', 'x'],
    ['a row with a field too many', 'x,y,z'],
    ['a quote in the middle of a field', 'x"y",z'],
    ['text behind a closing quote', '"x"y,z'],
    ['a NUL byte', 'x,\0'],
    ['bytes that are not UTF-8', Buffer.from([0xff, 0x2c, 0x61])],
  ])('makes one error of %s, and reads on', async (_, bad) => {
    const { records } = await readAll(
      Buffer.concat(['a,b\n1,2\n', bad, '\n3,4\n'].map((part) => Buffer.from(part))),
    )
    expect(outcomes(records)).toEqual([{ a: 1, b: 2 }, 'record_invalid', { a: 3, b: 4 }])
    expect(records[1]).toMatchObject({ offset: 8, line: 2 })
  })

  it.each([
    ['an empty file', ''],
    ['a file of a header only', 'a,b\n'],
    ['a file of a header without a newline', '"a","b"'],
  ])('finds no records in %s', async (_, text) => {
    expect((await readAll(text, { chunkBytes: 2 })).records).toEqual([])
  })

  it('makes one error of a last row that is cut off inside of quotes', async () => {
    const { records } = await readAll('a,b\n1,2\n3,"cut o')
    expect(outcomes(records)).toEqual([{ a: 1, b: 2 }, 'record_invalid'])
  })

  it('refuses a file of which a quote that is never closed would swallow the rest', async () => {
    const bytes = Buffer.from(`a,b\n1,"2\n${'3,4\n'.repeat(1_000)}`)
    const { object, read } = memoryObject(bytes)
    await expect(
      cutCsv(read, object, { chunkBytes: 100, recordBytes: 1_000 }),
    ).rejects.toMatchObject({
      code: 'batch_input_invalid',
      detail: 'The quote at byte 6 is not closed again.',
    })
  })

  it('gives back every table, whatever stands in it and however it is cut', async () => {
    const field = fc.string({
      unit: fc.constantFrom('a', '"', ',', '\n', '\r', 'é', ' '),
      maxLength: 6,
    })
    const table = fc.array(fc.tuple(field, field, field), { minLength: 1, maxLength: 8 })
    await fc.assert(
      fc.asyncProperty(table, fc.integer({ min: 1, max: 40 }), async (rows, chunkBytes) => {
        const quoted = rows.map((row) =>
          row.map((one) => `"${one.replaceAll('"', '""')}"`).join(','),
        )
        const { records } = await readAll(`a,b,c\n${quoted.join('\n')}\n`, { chunkBytes })
        expect(outcomes(records)).toEqual(rows.map(([a, b, c]) => ({ a, b, c })))
      }),
      { numRuns: 500, seed: 5 },
    )
  })
})

import { describe, expect, it } from 'vitest'
import { compressionOf, detectFormat } from '#shared/batch/formats/detect-format.ts'
import type { InputFormat } from '#shared/batch/job.ts'

function detect(text: string | Uint8Array, key = 'upload', declared: InputFormat = 'auto') {
  const head = Buffer.from(text)
  return detectFormat({ head, sizeBytes: head.length, key, declared })
}

const csv = (separator: string, columns: string[], dataStart: number) => ({
  format: 'csv',
  separator,
  columns,
  dataStart,
})

describe('telling a format', () => {
  it.each([
    ['{"a":1}\n{"a":2}\n', 'upload'],
    ['\n\n[1,2]\n', 'upload'],
    ['not,json\nat,all', 'rows.JSONL'],
    ['', 'upload'],
    ['a,b\n', 'rows.ndjson'],
  ])('takes %j named %s for JSONL', (text, key) => {
    expect(detect(text, key)).toEqual({ format: 'jsonl' })
  })

  it.each([
    ['a,b\n1,2\n', csv(',', ['a', 'b'], 4)],
    ['\ufeffa;b\r\n1,5;2,5\r\n', csv(';', ['a', 'b'], 8)],
    ['a\tb\n1\t2\n', csv('\t', ['a', 'b'], 4)],
    ['a|b|c\n1|2|3', csv('|', ['a', 'b', 'c'], 6)],
    ['1,2\n3,4\n', csv(',', ['column_1', 'column_2'], 0)],
    ['"a\nb","c ""d"""\n1,2\n', csv(',', ['a\nb', 'c "d"'], 16)],
    ['a,,c\n1,2,3\n', csv(',', ['a', 'column_2', 'c'], 5)],
    ['a,b', csv(',', ['a', 'b'], 3)],
  ])('finds separator and columns of %j', (text, wanted) => {
    expect(detect(text)).toEqual(wanted)
  })

  it('takes one column for CSV where it is called so', () => {
    expect(detect('text\nhello\n', 'a.csv')).toEqual(csv(',', ['text'], 5))
    expect(detect('a,b\tc\n', 'a.tsv')).toEqual(csv('\t', ['a,b', 'c'], 6))
    expect(detect('a,b\tc\n', 'a.csv', 'tsv')).toEqual(csv('\t', ['a,b', 'c'], 6))
    expect(detect('', 'a.csv')).toEqual(csv(',', [], 0))
  })

  it('believes the first bytes before the name, and a name before the lines', () => {
    expect(detect('PAR1....', 'a.csv')).toEqual({ format: 'parquet' })
    expect(detect('[a],2\n', 'a.csv')).toMatchObject({ format: 'csv' })
    expect(detect('{"a":1},2\n', 'a.jsonl.gz')).toMatchObject({ format: 'jsonl' })
  })

  it.each<[string, string | Uint8Array, string, InputFormat, string]>([
    ['nothing that is known', 'hello world\nagain\n', 'a.txt', 'auto', 'Declare its format'],
    ['one JSON document over lines', '{\n "a": 1\n}\n', 'a.json', 'auto', 'one record a line'],
    ['Parquet that is none', 'a,b\n', 'a.parquet', 'auto', ''],
    ['Parquet declared as CSV', 'PAR1', 'a', 'csv', ''],
    ['UTF-16', Buffer.from('\ufeffa,b', 'utf16le'), 'a.csv', 'auto', ''],
    ['a zip file', 'PK\x03\x04', 'a.csv', 'auto', ''],
    ['two columns of one name', 'a,a\n1,2\n', 'a.csv', 'auto', ''],
    ['a column that would vanish', '__proto__,a\n1,2\n', 'a.csv', 'auto', ''],
    ['a header that is not CSV', 'a"b",c\n', 'a.csv', 'auto', ''],
  ])('refuses %s', (_, text, key, declared, fix) => {
    expect(() => detect(text, key, declared)).toThrow(
      expect.objectContaining({
        code: 'batch_input_invalid',
        fix: expect.stringContaining(fix),
      }),
    )
  })

  it('refuses a header that does not end within what was looked at', () => {
    const head = Buffer.from('a,b,c')
    expect(() => detectFormat({ head, sizeBytes: 1_000, key: 'a.csv', declared: 'auto' })).toThrow(
      expect.objectContaining({ detail: 'Its first row is longer than 5 bytes.' }),
    )
  })

  it('tells by first bytes what a file is packed with', () => {
    expect(compressionOf(Buffer.from([0x1f, 0x8b, 8]))).toBe('gzip')
    expect(compressionOf(Buffer.from([0x28, 0xb5, 0x2f, 0xfd]))).toBe('zstd')
    expect(compressionOf(Buffer.from('{"a":1}'))).toBeUndefined()
  })
})

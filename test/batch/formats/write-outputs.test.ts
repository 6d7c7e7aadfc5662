import { createHash } from 'node:crypto'
import { deserialize, serialize } from 'node:v8'
import { parquetReadObjects } from 'hyparquet'
import { describe, expect, it } from 'vitest'
import type { OutputLine } from '#shared/batch/formats/output-table.ts'
import { openParquet } from '#shared/batch/formats/parquet-file.ts'
import { splitFields } from '#shared/batch/formats/split-fields.ts'
import { createCsvWriter } from '#shared/batch/formats/write-csv.ts'
import { createParquetWriter } from '#shared/batch/formats/write-parquet.ts'
import { memoryObject } from './memory-object.ts'

type Options = Parameters<typeof createCsvWriter>[0]

function writeCsv(lines: readonly OutputLine[], options: Options): string {
  const writer = createCsvWriter(options)
  return `${writer.add(lines)}${writer.end()}`
}

/** By a writer that is put down after every so many lines, and taken up again. */
function writeParquet(
  lines: readonly OutputLine[],
  options: Options,
  every = lines.length,
): Buffer {
  let writer = createParquetWriter(options)
  const pieces: Uint8Array[] = []
  for (let at = 0; at < lines.length; at += every) {
    pieces.push(writer.add(lines.slice(at, at + every)))
    writer = createParquetWriter(options, deserialize(serialize(writer.state())))
  }
  return Buffer.concat([...pieces, writer.end()])
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

const ranked = { record: 0, id: 'a', outputs: [{ label: 'spam, "x"', score: 0.25 }] }
const plain = { record: 1, outputs: { boxes: [] }, input: { text: 'é\n', n: 2 } }
const failed = {
  record: 2,
  id: 7,
  line: 3,
  offset: 40,
  error: { code: 'json_invalid', detail: 'No.' },
}
const call = { record: 0, custom_id: 'c', response: { status_code: 200, body: { a: [1] } } }

describe('writing CSV', () => {
  it('has the columns of the order, whatever the records hold', async () => {
    const text = writeCsv([ranked, plain], { kind: 'results' })
    expect(text).toBe(
      'record,id,label,score,outputs\n' +
        '0,a,"spam, ""x""",0.25,"[{""label"":""spam, \\""x\\"""",""score"":0.25}]"\n' +
        '1,,,,"{""boxes"":[]}"\n',
    )
    expect(splitFields(text.split('\n')[1] ?? '', ',')).toContain(JSON.stringify(ranked.outputs))
    expect(writeCsv([], { kind: 'results' })).toBe('record,id,label,score,outputs\n')
  })

  it('names place and reason of errors, and status of calls', async () => {
    expect(writeCsv([failed], { kind: 'errors' })).toBe(
      'record,id,line,offset,code,detail\n2,7,3,40,json_invalid,No.\n',
    )
    expect(writeCsv([call], { kind: 'calls' })).toBe(
      'record,custom_id,status_code,body\n0,c,200,"{""a"":[1]}"\n',
    )
  })

  it('carries the input along, column by column where it has columns', async () => {
    const joined = { kind: 'results', join: { columns: ['n', 'text'] } } as const
    expect(writeCsv([plain], joined)).toBe(
      'record,id,label,score,outputs,input.n,input.text\n1,,,,"{""boxes"":[]}",2,"é\n"\n',
    )
    expect(writeCsv([plain], { kind: 'results', join: {} })).toBe(
      'record,id,label,score,outputs,input\n1,,,,"{""boxes"":[]}","{""text"":""é\\n"",""n"":2}"\n',
    )
  })
})

describe('writing Parquet', () => {
  it('is read back as it was written, in row groups of 65,536', async () => {
    const count = 150_000
    const lines = Array.from({ length: count }, (_, record) => {
      const outputs = [{ label: record % 3 ? 'ham' : 'spam', score: record / count }]
      return record % 5 ? { record, outputs } : { record, id: `id ${record}`, outputs: 'é' }
    })
    const bytes = writeParquet(lines, { kind: 'results' })
    expect(sha256(writeParquet(lines, { kind: 'results' }, 40_000))).toBe(sha256(bytes))
    const { object, read } = memoryObject(bytes)
    const { file, metadata } = await openParquet(read, object)
    expect(metadata.row_groups.map(({ num_rows }) => Number(num_rows))).toEqual([
      65_536, 65_536, 18_928,
    ])
    const found = await parquetReadObjects({ file, metadata })
    expect(found).toHaveLength(count)
    for (const record of [0, 1, 65_535, 65_536, 149_999]) {
      const known = record % 5 !== 0
      expect(found[record]).toEqual({
        record: BigInt(record),
        id: known ? null : `id ${record}`,
        label: known ? (record % 3 ? 'ham' : 'spam') : null,
        score: known ? record / count : null,
        outputs: known ? expect.stringContaining('"score":') : '"é"',
      })
    }
  })

  it('has its columns without any record too', async () => {
    const bytes = writeParquet([], { kind: 'errors' })
    const { object, read } = memoryObject(bytes)
    const { metadata } = await openParquet(read, object)
    expect(metadata.num_rows).toBe(0n)
    expect(metadata.schema.map(({ name }) => name).slice(1)).toEqual([
      'record',
      'id',
      'line',
      'offset',
      'code',
      'detail',
    ])
  })
})

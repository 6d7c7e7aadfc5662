import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { InputRecord } from '#shared/batch/chunk.ts'
import { readCsv } from '#shared/batch/formats/read-csv.ts'
import { readJsonLines } from '#shared/batch/formats/read-json-lines.ts'
import { createPartBuffer } from '#shared/batch/scoring/part-buffer.ts'
import { createRecordReader } from '#shared/batch/scoring/record-input.ts'
import { collectRows } from '#shared/batch/scoring/row-records.ts'
import type { Model } from '#shared/inference/model.ts'
import { taskModelOf } from '#shared/inference/task-model.ts'
import { tabularClassification } from '#shared/tasks/tabular-classification.ts'
import type { Task } from '#shared/tasks/task.ts'
import { textClassification } from '#shared/tasks/text-classification.ts'
import { testEntry } from '#test/support/test-model.ts'
import { collect } from '../formats/collect.ts'
import { memoryObject } from '../formats/memory-object.ts'

const columns = ['a', 'b', 'c']
const labels = ['no', 'yes "é"', 'perhaps']

/** Without the way of writing answers that makes no objects. */
const inTheLongWay = (task: Task): Task => ({
  ...task,
  async prepare(...given) {
    const { tensors, interpret } = await task.prepare(...given)
    return { tensors, interpret }
  },
})

/** Numbers that follow from the inputs, some of them none; a seven is a row that fails. */
function modelOf(entry: Model['entry']): Model {
  return {
    entry,
    async infer({ inputs }) {
      const [tensor] = Object.values(inputs)
      const rows = tensor?.shape[0] ?? 0
      const values = [...(tensor?.data ?? [])].map((one) =>
        typeof one === 'string' ? one.length : Number(one),
      )
      if (values.includes(7)) throw new Error('seven')
      const width = values.length / rows
      const scores = Array.from({ length: rows * labels.length }, (_, at) => {
        const value = values[Math.floor(at / labels.length) * width + (at % width)] ?? 0
        if (value === 13) return Number.NaN
        return value < 0 ? value / 3 : 1 / (1 + value * ((at % 3) + 1))
      })
      const shape = [rows, labels.length]
      const outputs = {
        scores: { datatype: 'FP32', shape, data: Float32Array.from(scores) },
      } as const
      return { outputs, timings: { runMs: 0 } }
    },
    predict: () => Promise.reject(new Error('not asked for')),
    close: async () => undefined,
  }
}

/** The lines of all records, scored some at a time. */
async function score(
  records: readonly InputRecord[],
  task: Task,
  entry: Model['entry'],
  { size, top_k }: { size: number; top_k: number },
) {
  const reader = createRecordReader({ task, model: taskModelOf(entry) })
  const rows = collectRows({ entry, task, reader, parameters: { top_k }, join: false })
  for (const record of records) rows.add(record)
  const opened = rows.finish()
  const part = createPartBuffer()
  for (let first = 0; first < opened.count; first += size) {
    await opened.score(first, Math.min(first + size, opened.count), modelOf(entry), part)
  }
  const { bytes, ...counts } = part.take(opened.count)
  return { text: Buffer.from(bytes).toString(), ...counts, units: opened.units }
}

const number = fc.oneof(
  fc.integer({ min: -20, max: 20 }).map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
  fc.integer({ min: 0, max: 1_000_000 }).map((one) => (one / 1_000).toFixed(3)),
)
const oddField = fc.constantFrom(
  ...[
    '',
    ' 1',
    '1 ',
    '-',
    '-0',
    '00',
    '007',
    '+1',
    '.5',
    '5.',
    '1e3',
    '1E-400',
    '1e39',
    'NaN',
    '13',
    '7',
  ],
  ...[
    '0.1234567890123456',
    '123456789012345',
    '1234567890123456',
    '9007199254740993',
    '-0.000',
    '1.2.3',
  ],
  ...[
    '"1.5"',
    '"1,5"',
    '"',
    '""',
    'a"b',
    'a"b"',
    '"a"b',
    'one',
    'é',
    '\0',
    '\r',
    '1\r',
    '340282356779733661637539395458142568448',
  ],
)
const field = fc.oneof({ weight: 6, arbitrary: number }, { weight: 1, arbitrary: oddField })
const row = fc.oneof(
  { weight: 9, arbitrary: fc.array(field, { minLength: 4, maxLength: 4 }) },
  { weight: 1, arbitrary: fc.array(field, { maxLength: 6 }) },
)
const brokenBytes = fc
  .constantFrom('', '', '', '\xff', '\xc3', '\xe2\x82')
  .map((text) => Buffer.from(text, 'latin1'))
const table = fc
  .array(fc.tuple(row, fc.constantFrom('\n', '\n', '\r\n'), brokenBytes), { maxLength: 12 })
  .map((rows) =>
    Buffer.concat(
      rows.flatMap(([fields, end, broken]) => [
        Buffer.from(fields.join(',')),
        broken,
        Buffer.from(end),
      ]),
    ),
  )
const options = fc.record({
  size: fc.integer({ min: 1, max: 8 }),
  top_k: fc.integer({ min: 1, max: 4 }),
})
const order = fc.constantFrom(
  ['a', 'b', 'c', 'note'],
  ['note', 'c', 'a', 'b'],
  ['b', 'note', 'a', 'c'],
  ['a', 'b', 'a', 'c'],
  ['a', 'b', 'c', 'id'],
  ['inputs', 'a', 'b', 'c'],
  ['a', 'parameters', 'b', 'c'],
  ['a', 'b', 'note', 'more'],
)

const tableEntry = testEntry(
  {
    task: { name: 'tabular-classification', options: { columns } },
    inputs: [{ name: 'features', datatype: 'FP32', shape: [-1, 3] }],
    outputs: [{ name: 'scores', datatype: 'FP32', shape: [-1, 3] }],
  },
  { labels },
)

test('a table is scored byte by byte the same in the short way and in the long one', async () => {
  await fc.assert(
    fc.asyncProperty(
      table,
      order,
      options,
      fc.integer({ min: 1, max: 40 }),
      fc.nat(),
      async (bytes, names, some, blockBytes, cut) => {
        const { object, read } = memoryObject(bytes, { blockBytes })
        const source = {
          format: 'csv',
          object,
          separator: ',',
          columns: names,
          dataStart: 0,
        } as const
        const reader = createRecordReader({
          task: tabularClassification,
          model: taskModelOf(tableEntry),
        })
        const middle = cut % (bytes.length + 1)
        for (const range of [
          { start: 0, end: middle },
          { start: middle, end: bytes.length },
        ]) {
          const numbers = reader.numbersOf(names)
          const short = await collect(readCsv(source, range, read, { blockBytes, numbers }))
          const long = await collect(readCsv(source, range, read, { blockBytes }))
          expect(short.lines).toBe(long.lines)
          expect(await score(short.records, tabularClassification, tableEntry, some)).toEqual(
            await score(long.records, inTheLongWay(tabularClassification), tableEntry, some),
          )
        }
      },
    ),
    { numRuns: 200 },
  )
})

test('plain records of a table take the short way', async () => {
  const { object, read } = memoryObject(Buffer.from('5.1,3.5,x y,1.4\n-0.25,12,,3\n'))
  const names = ['c', 'a', 'note', 'b']
  const source = { format: 'csv', object, separator: ',', columns: names, dataStart: 0 } as const
  const { records } = await collect(
    readCsv(source, { start: 0, end: object.sizeBytes }, read, { numbers: columns }),
  )
  // The very first record may have a byte order mark, and is always read in the long way.
  expect(records.map(({ value }) => value)).toStrictEqual([
    { c: 5.1, a: 3.5, note: 'x y', b: 1.4 },
    [12, 3, -0.25],
  ])
})

const textEntry = testEntry(
  {
    task: { name: 'text-classification' },
    inputs: [{ name: 'text', datatype: 'BYTES', shape: [-1] }],
    outputs: [{ name: 'scores', datatype: 'FP32', shape: [-1, 3] }],
  },
  { labels },
)
const line = fc.oneof(
  fc
    .record(
      {
        id: fc.oneof(fc.string(), fc.integer(), fc.constant(null), fc.object()),
        text: fc.string(),
      },
      { requiredKeys: ['text'] },
    )
    .map((one) => JSON.stringify(one)),
  fc.string({ unit: 'binary' }).map((text) => JSON.stringify({ custom_id: text, text })),
  fc.constantFrom(
    '',
    '{',
    '"text"',
    '{"id":1}',
    '{"text":7}',
    '{"text":"a","parameters":1}',
    '[1e999]',
    '{"text":"1234567"}',
    '{"text":"thirteen char"}',
  ),
)

test('texts are scored byte by byte the same in the short way and in the long one', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 12 }), options, async (lines, some) => {
      const { object, read } = memoryObject(Buffer.from(lines.join('\n')))
      const { records } = await collect(
        readJsonLines({ object }, { start: 0, end: object.sizeBytes }, read),
      )
      expect(await score(records, textClassification, textEntry, some)).toEqual(
        await score(records, inTheLongWay(textClassification), textEntry, some),
      )
    }),
    { numRuns: 150 },
  )
})

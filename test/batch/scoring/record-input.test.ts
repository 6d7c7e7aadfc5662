import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createRecordReader } from '#shared/batch/scoring/record-input.ts'
import { parseManifest } from '#shared/catalog/parse-manifest.ts'
import { readModels } from '#shared/catalog/read-models.ts'
import { taskModelOf } from '#shared/inference/task-model.ts'
import { findTask } from '#shared/tasks/find-task.ts'
import { refusal } from '#test/support/refusal.ts'

const entries = readModels(resolve(import.meta.dirname, '../../../models'), {
  parse: parseManifest,
})

async function readerOf(name: string, column?: string) {
  const entry = entries.find(({ manifest }) => manifest.name === name)
  if (!entry) throw new Error(`There is no model ${name}.`)
  const task = await findTask(entry.manifest.task.name)
  return createRecordReader({ task, model: taskModelOf(entry), column })
}

const record = (value: unknown, key?: string) => ({
  ...{ offset: 0, line: 0, value },
  ...(key !== undefined && { key }),
})

const lengths = {
  'sepal length (cm)': 5.1,
  'sepal width (cm)': 3.5,
  'petal length (cm)': 1.4,
  'petal width (cm)': 0.2,
}
const row = [5.1, 3.5, 1.4, 0.2]
const bytes = Buffer.from('an image')

test.each([
  ['text by itself', 'spam', 'hello', 'hello'],
  ['text in "inputs"', 'spam', { inputs: 'hello' }, 'hello'],
  ['text in a list of one', 'spam', { inputs: ['hello'] }, 'hello'],
  ['text in a column "text"', 'spam', { text: 'hello', label: 'ham' }, 'hello'],
  ['text in a column "input"', 'spam', { id: 1, input: 'hello', more: 1 }, 'hello'],
  ['text in the only column', 'spam', { id: 1, subject: 'hello' }, 'hello'],
  ['a row of numbers', 'iris', row, row],
  ['a row in "inputs"', 'iris', { inputs: row, id: 1 }, row],
  ['a row in a table of one', 'iris', { inputs: [row] }, row],
  ['columns by their names, in any order, among others', 'iris', { more: 'x', ...lengths }, row],
  ['bytes of an image', 'fashion', bytes, bytes],
  ['an image in base64', 'fashion', { image: 'aGVsbG8=', label: 'boot' }, 'aGVsbG8='],
])('%s is an input of %s', async (_, model, value, expected) => {
  expect((await readerOf(model)).rowOf(record(value))).toStrictEqual(expected)
})

test('the column that is named holds the input, whatever the others are called', async () => {
  const reader = await readerOf('spam', 'body')
  expect(reader.rowOf(record({ text: 'no', body: 'yes' }))).toBe('yes')
  expect(() => reader.rowOf(record({ text: 'no' }))).toThrow(refusal('input_invalid', '"body"'))
})

describe('a record is refused', () => {
  test.each([
    ['of two inputs', 'spam', { inputs: ['one', 'two'] }, 'holds 2'],
    ['of columns that do not tell which is the input', 'spam', { a: 'x', b: 'y' }, '2 fields'],
    ['of no fields', 'spam', {}, '0 fields'],
    ['of null', 'spam', null, 'inputs must be'],
    ['with parameters of its own', 'spam', { inputs: 'x', parameters: {} }, 'whole job'],
    ['of many rows', 'iris', { inputs: [row, row] }, 'holds 2'],
  ])('%s', async (_, model, value, words) => {
    const reader = await readerOf(model)
    expect(() => reader.rowOf(record(value))).toThrow(refusal('input_invalid', words))
  })

  test('that lacks a column, and is told which one', async () => {
    const reader = await readerOf('iris')
    const { 'petal width (cm)': _, ...others } = lengths
    const task = await findTask('tabular-classification')
    const [entry] = entries.filter(({ manifest }) => manifest.name === 'iris')
    const rows = [reader.rowOf(record(others))]
    expect(() => entry && task.prepare(rows, {}, taskModelOf(entry))).toThrow(
      refusal('input_invalid', 'lacks column "petal width (cm)"'),
    )
  })
})

test('a record is called by its key, "id" or "custom_id"', async () => {
  const reader = await readerOf('spam')
  expect(reader.idOf(record({ inputs: 'x', id: 7 }))).toBe(7)
  expect(reader.idOf(record({ inputs: 'x', custom_id: 'a' }))).toBe('a')
  expect(reader.idOf(record({ inputs: 'x', id: null }))).toBeUndefined()
  expect(reader.idOf(record('x'))).toBeUndefined()
  expect(reader.idOf(record(bytes, 'a.png'))).toBe('a.png')
})

test('fields of CSV stay text for models of text alone', async () => {
  expect((await readerOf('spam')).textOnly).toBe(true)
  expect((await readerOf('iris')).textOnly).toBe(false)
})

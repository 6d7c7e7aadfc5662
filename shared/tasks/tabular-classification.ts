import { ServiceError } from '#shared/errors/service-error.ts'
import { classify } from './classify.ts'
import { readOptions } from './read-options.ts'
import type { Task } from './task.ts'

const optionFields = {
  columns: {
    type: 'array',
    items: { type: 'string' },
    default: [],
    description: 'Names of the columns in the order of the input tensor.',
  },
  output: { type: 'string', description: 'The tensor of scores; the first where absent.' },
} as const

/** Which label fits a row of numbers: `[{label, score}]` a row, best first. */
export const tabularClassification: Task = {
  name: 'tabular-classification',
  media: [],
  rows(inputs, model) {
    const { columns } = readOptions(model, optionFields)
    // Hugging Face wraps the table: {"data": …}. A column of that name is a column.
    const wrapped = isRecord(inputs) && Object.hasOwn(inputs, 'data') && !columns.includes('data')
    const table = wrapped ? inputs.data : inputs
    if (isRecord(table)) {
      const byColumn = Object.values(table).some(Array.isArray)
      return byColumn
        ? { rows: transpose(table, columns), single: false }
        : { rows: [table], single: true }
    }
    if (!Array.isArray(table) || table.length === 0) {
      throw invalid('inputs must be a row of numbers, an object by column, or a list of either.')
    }
    const single = !table.some((item) => typeof item === 'object' && item !== null)
    return { rows: single ? [table] : table, single }
  },
  prepare(rows, parameters, model) {
    const { columns, output } = readOptions(model, optionFields)
    const reading = classify.reader(parameters, model, output)
    const input = model.inputs[0]
    const width = input?.shape[1] ?? columns.length
    const data = new Float32Array(rows.length * width)
    for (let row = 0; row < rows.length; row += 1) {
      data.set(readRow(rows[row], row, columns, width), row * width)
    }
    const tensor = { datatype: 'FP32', shape: [rows.length, width], data } as const
    return { tensors: { [input?.name ?? '']: tensor }, ...reading }
  },
  describe(model) {
    const { columns } = readOptions(model, optionFields)
    const width = columns.length || model.inputs[0]?.shape[1]
    const number = { type: 'number' }
    const row = { type: 'array', items: number, minItems: width, maxItems: width }
    const record = {
      type: 'object',
      required: columns,
      additionalProperties: false,
      properties: Object.fromEntries(columns.map((name) => [name, number])),
    }
    const input = columns.length ? { oneOf: [row, record] } : row
    return { input, ...classify.describe(model) }
  },
}

/** One row as numbers in the order of the columns. */
function readRow(row: unknown, index: number, columns: readonly string[], width: number): number[] {
  const at = `Row ${index}`
  if (isRecord(row)) {
    const unknown = Object.keys(row).find((name) => !columns.includes(name))
    if (unknown !== undefined)
      throw invalid(`${at} has an unknown column "${unknown.slice(0, 60)}".`)
    const missing = columns.find((name) => !Object.hasOwn(row, name))
    if (missing !== undefined || columns.length === 0) {
      throw invalid(
        missing ? `${at} lacks column "${missing}".` : `${at} must be a list of numbers.`,
      )
    }
  } else if (!Array.isArray(row) || row.length !== width) {
    const size = Array.isArray(row) ? ` but has ${row.length} values` : ''
    throw invalid(`${at} must have ${width} numbers (${columns.join(', ')})${size}.`)
  }
  const values: unknown[] = isRecord(row) ? columns.map((name) => row[name]) : (row as unknown[])
  const wrong = values.findIndex((value) => !isFinite32(value))
  if (wrong < 0) return values as number[]
  throw invalid(`${at}, column "${columns[wrong] ?? wrong}" must be a finite number.`)
}

/** Beyond float32 a number would become Infinity on its way into the tensor. */
const isFinite32 = (value: unknown): boolean =>
  typeof value === 'number' && Number.isFinite(Math.fround(value))

/** `{column: [values]}` to one record a row. */
function transpose(table: Record<string, unknown>, columns: readonly string[]) {
  const lists = Object.entries(table)
  const height = Array.isArray(lists[0]?.[1]) ? lists[0][1].length : 0
  const uneven = lists.find(([, list]) => !Array.isArray(list) || list.length !== height)
  if (uneven || height === 0) {
    throw invalid(`Columns (${columns.join(', ')}) must be lists of one length.`)
  }
  return Array.from({ length: height }, (_, row) =>
    Object.fromEntries(lists.map(([name, list]) => [name, (list as unknown[])[row]])),
  )
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const invalid = (detail: string) => new ServiceError('input_invalid', { detail })

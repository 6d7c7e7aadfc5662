import { ServiceError } from '#shared/errors/service-error.ts'
import type { Task, TaskModel } from '#shared/tasks/task.ts'
import type { InputRecord } from '../chunk.ts'

/** How records become inputs of one model. */
export interface RecordReader {
  /** The model takes text: then a field `42` of CSV is a word. */
  readonly textOnly: boolean
  /**
   * The columns of a table whose numbers, in this order, are all that matters of it: its rows may be
   * read as lists. `undefined` where something else may.
   */
  numbersOf(columns: readonly string[]): readonly string[] | undefined
  /** What the record is called; `undefined` where it has no name. */
  idOf(record: InputRecord): unknown
  /** One row, as the task takes it. @throws ServiceError `input_invalid` */
  rowOf(record: InputRecord): unknown
}

export interface RecordReaderOptions {
  task: Task
  model: TaskModel
  /** The field that holds the input, where it is not plain from the names. */
  column?: string | undefined
}

/**
 * A record is an input by itself (text, list of numbers, bytes of an image), or an object: the input
 * stands in `inputs`, or its fields are the columns that the model knows, or one field is the text or
 * image. `id` or `custom_id` names it. Further fields are nobody's business and may be carried along.
 */
export function createRecordReader({ task, model, column }: RecordReaderOptions): RecordReader {
  const schema = task.describe(model).input
  const columns = columnsOf(schema)
  const isSingle = schema.type === 'string'
  const isFeature = new Set(columns)
  const ids = idNames.filter((name) => !isFeature.has(name))
  /** Names that change what is read, next to columns. */
  const special = [...ids, ...['inputs', 'parameters'].filter((name) => !isFeature.has(name))]
  // As documents of images are commonly called, too: base64 in a field.
  const names = task.media.length > 0 ? ['image', 'inputs', 'input'] : ['text', 'inputs', 'input']

  const inputOf = (fields: Fields): unknown => {
    if (Object.hasOwn(fields, 'parameters')) {
      throw invalid('Parameters are given for the whole job, not for one record.')
    }
    if (column !== undefined) return fieldOf(fields, column)
    if (isSingle)
      return fieldOf(
        fields,
        names.find((name) => Object.hasOwn(fields, name)),
      )
    if (!isFeature.has('inputs') && Object.hasOwn(fields, 'inputs')) return fields.inputs
    if (columns.length === 0) return withoutIds(fields).map(([, value]) => value)
    // Where one is missing, the task says which.
    const isWhole = columns.every((name) => Object.hasOwn(fields, name))
    return isWhole
      ? columns.map((name) => fields[name])
      : Object.fromEntries(Object.entries(fields).filter(([name]) => isFeature.has(name)))
  }

  return {
    textOnly: isSingle,
    numbersOf(given) {
      if (column !== undefined || columns.length === 0 || isFeature.has('parameters'))
        return undefined
      return special.some((name) => given.includes(name)) ? undefined : columns
    },
    idOf({ value, key }) {
      if (key !== undefined) return key
      if (!isFields(value)) return undefined
      for (const name of ids) {
        const id = value[name]
        if (id !== undefined && id !== null) return id
      }
      return undefined
    },
    rowOf({ value }) {
      const { rows } = task.rows(isFields(value) ? inputOf(value) : value, model)
      if (rows.length === 1) return rows[0]
      throw invalid(`A record holds one input; this one holds ${rows.length}.`)
    },
  }
}

type Fields = Readonly<Record<string, unknown>>

const idNames = ['id', 'custom_id']

const withoutIds = (fields: Fields) =>
  Object.entries(fields).filter(([name]) => !idNames.includes(name))

function fieldOf(fields: Fields, name: string | undefined): unknown {
  if (name !== undefined && Object.hasOwn(fields, name)) return fields[name]
  const others = withoutIds(fields)
  if (name === undefined && others.length === 1) return others[0]?.[1]
  throw invalid(
    name === undefined
      ? `It cannot be told which of the ${others.length} fields is the input.`
      : `The record lacks the field "${name.slice(0, 60)}".`,
  )
}

/** The names of the columns that a model of tables takes, from the JSON Schema of its input. */
function columnsOf(schema: Record<string, unknown>): readonly string[] {
  const kinds = (schema.oneOf ?? []) as readonly { type?: string; required?: readonly string[] }[]
  return kinds.find(({ type }) => type === 'object')?.required ?? []
}

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  !(value instanceof Uint8Array)

const invalid = (detail: string) =>
  new ServiceError('input_invalid', {
    detail,
    fix: 'Write one record for each input, in "inputs" or in the columns of the model.',
  })

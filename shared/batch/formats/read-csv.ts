import type { RecordBatch } from '../chunk.ts'
import type { ObjectStore } from '../object-store.ts'
import type { ChunkRange, PlanSource } from '../plan.ts'
import { numberFields } from './number-fields.ts'
import { plainNumber } from './plain-number.ts'
import { splitFields } from './split-fields.ts'
import { type ParsedRecord, type SplitOptions, splitRecords } from './split-records.ts'

export type CsvSource = Extract<PlanSource, { format: 'csv' }>

export interface CsvOptions extends SplitOptions {
  /** Leaves every field text, for models that take text: there `42` is a word. */
  readonly textOnly?: boolean | undefined
  /**
   * Columns that are all that is wanted: a record whose fields there are plain numbers is given as the
   * list of them, in this order. Others are given whole.
   */
  readonly numbers?: readonly string[] | undefined
}

/**
 * The rows of CSV (RFC 4180) that start in a range, as objects of column and value. Where a record
 * ends follows from the number of quotes before it alone, so that any range finds the same ends.
 */
export async function* readCsv(
  { object, separator, columns, dataStart }: CsvSource,
  range: ChunkRange,
  read: ObjectStore['read'],
  { textOnly = false, numbers, ...options }: CsvOptions = {},
): AsyncGenerator<RecordBatch> {
  const parse = (text: string) => parseRow(text, separator, columns, textOnly)
  const readNumbers = numbers && numberFields(columns, numbers, separator)
  const parseBytes = (bytes: Uint8Array, first: number, end: number) => {
    const value = readNumbers?.(bytes, first, end)
    return value && { value }
  }
  const syntax = { quotes: true, parse, ...(readNumbers && { parseBytes }) }
  for await (const batch of splitRecords(read, object, range, syntax, options)) {
    if (range.start >= dataStart) yield batch
    else yield { ...batch, records: batch.records.filter(({ offset }) => offset >= dataStart) }
  }
}

function parseRow(
  text: string,
  separator: string,
  columns: readonly string[],
  textOnly: boolean,
): ParsedRecord | undefined {
  if (text === '') return undefined
  if (text.includes('\0')) return invalid('It contains a NUL byte.')
  const fields = splitFields(text, separator)
  if ('problem' in fields) return invalid(fields.problem)
  if (fields.length !== columns.length) {
    return invalid(`It has ${fields.length} fields; there are ${columns.length} columns.`)
  }
  const value: Record<string, string | number> = {}
  for (let index = 0; index < columns.length; index++) {
    const field = fields[index] as string
    value[columns[index] as string] = textOnly ? field : plainNumber(field)
  }
  return { value }
}

const invalid = (detail: string) => ({ error: { code: 'record_invalid', detail } })

import { ServiceError } from '#shared/errors/service-error.ts'
import { plainNumber } from './plain-number.ts'
import { splitFields } from './split-fields.ts'

export interface CsvShape {
  readonly separator: string
  readonly columns: readonly string[]
  readonly dataStart: number
}

export interface DetectCsvOptions {
  readonly tabs: boolean
  /** The text is the whole file: its last line is a row. */
  readonly ended: boolean
}

const separators = [',', '\t', ';', '|']
const sampleRows = 50

/**
 * How CSV is written. The separator is the one that cuts the most first rows into as many fields as
 * the very first one. The first row names the columns unless one of its fields is a number: then
 * they are called `column_1` and so on, as are columns without a name.
 * @throws ServiceError `batch_input_invalid` where two columns have one name
 */
export function detectCsv(head: string, { tabs, ended }: DetectCsvOptions): CsvShape {
  const text = head.startsWith('\ufeff') ? head.slice(1) : head
  const rows = firstRows(text, ended)
  const first = rows[0]
  if (first === undefined) {
    if (text.trim() === '') return { separator: tabs ? '\t' : ',', columns: [], dataStart: 0 }
    throw invalid(`Its first row is longer than ${Buffer.byteLength(text)} bytes.`)
  }
  const separator = tabs ? '\t' : likeliest(rows.map(({ row }) => row))
  const fields = fieldsOf(first.row, separator)
  const isHeader = fields.every((field) => typeof plainNumber(field.trim()) === 'string')
  const columns = fields.map((name, index) => (isHeader && name.trim()) || `column_${index + 1}`)
  refuseUnusable(columns)
  const dataStart = isHeader
    ? Buffer.byteLength(head.slice(0, head.length - text.length + first.end))
    : 0
  return { separator, columns, dataStart }
}

/** Whole rows, empty ones left out, and where each ends. */
function firstRows(text: string, ended: boolean): { row: string; end: number }[] {
  const rows: { row: string; end: number }[] = []
  let start = 0
  let quoted = false
  for (let seen = 0; rows.length < sampleRows; ) {
    const at = text.indexOf('\n', seen)
    const end = at < 0 ? text.length : at
    if (at < 0 && !ended) break
    if ((text.slice(seen, end).split('"').length - 1) % 2 === 1) quoted = !quoted
    seen = end + 1
    if (!quoted || at < 0) {
      const row = text.slice(start, end).replace(/\r$/, '')
      if (row !== '') rows.push({ row, end: Math.min(seen, text.length) })
      start = seen
    }
    if (at < 0) break
  }
  return rows
}

function likeliest(rows: readonly string[]): string {
  const scores = separators.map((separator) => {
    const counts = rows.map((row) => {
      const fields = splitFields(row, separator)
      return 'problem' in fields ? 0 : fields.length
    })
    const width = counts[0] ?? 0
    const alike = counts.filter((count) => count === width).length / rows.length
    return { separator, score: width > 1 ? alike * 1_000 + width : 0 }
  })
  // The earlier one where two score the same.
  return scores.reduce((best, one) => (one.score > best.score ? one : best)).separator
}

function fieldsOf(row: string, separator: string): string[] {
  const fields = splitFields(row, separator)
  if ('problem' in fields) throw invalid(`Its first row is not CSV. ${fields.problem}`)
  return fields
}

function refuseUnusable(columns: readonly string[]): void {
  const twice = columns.find((name, index) => columns.indexOf(name) !== index)
  if (twice !== undefined) {
    const places = columns.flatMap((name, index) => (name === twice ? [index + 1] : []))
    throw invalid(`Columns ${places.join(' and ')} have the same name.`)
  }
  // As the name of a property it would vanish.
  if (columns.includes('__proto__')) throw invalid('A column cannot be called __proto__.')
}

const invalid = (detail: string) => new ServiceError('batch_input_invalid', { detail })

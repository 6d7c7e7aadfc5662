import { type OutputLine, type OutputTableOptions, outputTable } from './output-table.ts'
import type { OutputWriter } from './output-writer.ts'

/**
 * CSV as RFC 4180 has it, with `\n` behind each row, a first row of names, and nothing where there is
 * no value. The names are there without any record too.
 *
 * @param named the state: whether the names are written
 */
export function createCsvWriter(
  options: OutputTableOptions,
  named = false,
): OutputWriter<OutputLine, boolean> {
  const columns = outputTable(options)
  const names = () => {
    const text = named ? '' : row(columns.map(({ name }) => name))
    named = true
    return text
  }
  return {
    add(lines) {
      let text = names()
      for (const line of lines) text += row(columns.map(({ of }) => of(line)))
      return Buffer.from(text)
    },
    end: () => Buffer.from(names()),
    state: () => named,
  }
}

const row = (fields: readonly unknown[]) => `${fields.map(field).join(',')}\n`

function field(value: unknown): string {
  if (value === undefined || value === null) return ''
  const text = String(value)
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

import { type OutputLine, type OutputTableOptions, outputTable } from './output-table.ts'

const blockCharacters = 524_288

/**
 * CSV as RFC 4180 has it, with `\n` behind each row, a first row of names, and nothing where there is
 * no value. The names are there without any record too.
 */
export async function* writeCsv(
  lines: AsyncIterable<OutputLine>,
  options: OutputTableOptions,
): AsyncGenerator<Uint8Array> {
  const columns = outputTable(options)
  let text = row(columns.map(({ name }) => name))
  for await (const line of lines) {
    text += row(columns.map(({ of }) => of(line)))
    if (text.length < blockCharacters) continue
    yield Buffer.from(text)
    text = ''
  }
  if (text !== '') yield Buffer.from(text)
}

const row = (fields: readonly unknown[]) => `${fields.map(field).join(',')}\n`

function field(value: unknown): string {
  if (value === undefined || value === null) return ''
  const text = String(value)
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

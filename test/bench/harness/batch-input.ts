import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { variedInputs } from '#test/batch/scoring/varied-inputs.ts'

/** A file to be scored: some different records, over and over. */
export interface BatchInput {
  readonly format: 'csv' | 'jsonl'
  /** The names of CSV's columns, with the newline. */
  readonly head: string
  /** Records with their newlines. */
  readonly lines: readonly string[]
}

/** So many records are different; pictures are large, and as good as each other. */
const distinct = { texts: 2_000, pictures: 100 }

/** A table is CSV, as it comes out of a database; texts and pictures are JSONL with an id each. */
export function batchInput(entry: ModelEntry): BatchInput {
  const { name } = entry.manifest.task
  const isPicture = !/^(tabular|text)/.test(name)
  const inputs = variedInputs(entry, isPicture ? distinct.pictures : distinct.texts)
  if (!name.startsWith('tabular')) {
    const field = isPicture ? 'image' : 'text'
    const lines = inputs.map(
      (input, at) => `${JSON.stringify({ id: `r${at}`, [field]: portable(input) })}\n`,
    )
    return { format: 'jsonl', head: '', lines }
  }
  const { columns } = entry.manifest.task.options as { columns?: readonly string[] }
  if (!columns) {
    const whole = (inputs as number[][]).map((row) => row.map(Math.round))
    return {
      format: 'jsonl',
      head: '',
      lines: whole.map((row) => `${JSON.stringify({ inputs: row })}\n`),
    }
  }
  const lines = (inputs as number[][]).map(
    (row) => `${row.map((value) => value.toFixed(1)).join(',')}\n`,
  )
  return { format: 'csv', head: `${columns.join(',')}\n`, lines }
}

const portable = (input: unknown) =>
  input instanceof Uint8Array ? Buffer.from(input).toString('base64') : input

/** The same with a further column that is nobody's business, so that a record has about so many bytes. */
export function padded({ lines, head, ...input }: BatchInput, recordBytes: number): BatchInput {
  const note = 'as it was noted down in the field '.repeat(Math.ceil(recordBytes / 34))
  return {
    ...input,
    head: head.replace('\n', ',note\n'),
    lines: lines.map((line) =>
      line.replace('\n', `,${note.slice(0, recordBytes - line.length)}\n`),
    ),
  }
}

/** The bytes of a file of so many records, in blocks: no larger file is ever held. */
export async function* inputBytes(
  { head, lines }: BatchInput,
  records: number,
): AsyncGenerator<Uint8Array> {
  if (head !== '') yield Buffer.from(head)
  const block = Buffer.from(lines.join(''))
  let left = records
  for (; left >= lines.length; left -= lines.length) yield block
  if (left > 0) yield Buffer.from(lines.slice(0, left).join(''))
}

/** One line of an output, as it stands in the JSONL: a part line with its record number. */
export type OutputLine = Readonly<Record<string, unknown>>

export interface OutputColumn {
  readonly name: string
  readonly type: 'integer' | 'number' | 'text'
  readonly of: (line: OutputLine) => unknown
}

export type OutputKind = 'results' | 'errors' | 'calls'

export interface OutputTableOptions {
  readonly kind: OutputKind
  /** Carries the input along: these columns of it, or where it has none, all of it as JSON. */
  readonly join?: { readonly columns?: readonly string[] | undefined } | undefined
}

/**
 * The columns that CSV and Parquet outputs have. They follow from the order and the plan, never from
 * the records, so that the first record decides nothing and every chunk agrees.
 *
 * - results: `record, id, label, score, outputs`; label and score are those of the best answer where
 *   the model ranks labels, `outputs` is everything as JSON
 * - errors: `record, id, line, offset, code, detail`
 * - calls: `record, custom_id, status_code, body`, the body as JSON
 * - joined: an `input.<column>` for each column of the input, or `input` as JSON
 */
export function outputTable({ kind, join }: OutputTableOptions): OutputColumn[] {
  if (!join) return tables[kind]
  const inputs = join.columns?.map((name) =>
    text(`input.${name}`, (line) => at(line, 'input', name)),
  )
  return [...tables[kind], ...(inputs ?? [text('input', (line) => line.input)])]
}

type Of = OutputColumn['of']
const integer = (name: string, of: Of): OutputColumn => ({ name, type: 'integer', of })
const number = (name: string, of: Of): OutputColumn => ({ name, type: 'number', of })
const text = (name: string, of: Of): OutputColumn => ({
  name,
  type: 'text',
  of: (line) => asText(of(line)),
})

/** A member of a member; `undefined` where there is none. */
function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (held, name) =>
      typeof held === 'object' && held !== null && Object.hasOwn(held, name)
        ? (held as Record<string, unknown>)[name]
        : undefined,
    value,
  )
}

/** Text as it is, anything else as JSON. */
function asText(value: unknown): string | undefined {
  return value === undefined || typeof value === 'string' ? value : JSON.stringify(value)
}

const record = integer('record', (line) => line.record)
const id = text('id', (line) => line.id)
/** Ranked answers have the best first. */
const best = ({ outputs }: OutputLine) => (Array.isArray(outputs) ? outputs[0] : outputs)
const wholeOf = (value: unknown) => (Number.isSafeInteger(value) ? value : undefined)
const numberOf = (value: unknown) => (typeof value === 'number' ? value : undefined)

const tables: Record<OutputKind, OutputColumn[]> = {
  results: [
    record,
    id,
    text('label', (line) => at(best(line), 'label')),
    number('score', (line) => numberOf(at(best(line), 'score'))),
    { name: 'outputs', type: 'text', of: ({ outputs }) => JSON.stringify(outputs) },
  ],
  errors: [
    record,
    id,
    integer('line', (line) => wholeOf(line.line)),
    integer('offset', (line) => wholeOf(line.offset)),
    text('code', (line) => at(line, 'error', 'code')),
    text('detail', (line) => at(line, 'error', 'detail')),
  ],
  calls: [
    record,
    text('custom_id', (line) => line.custom_id),
    integer('status_code', (line) => wholeOf(at(line, 'response', 'status_code'))),
    { name: 'body', type: 'text', of: (line) => JSON.stringify(at(line, 'response', 'body')) },
  ],
}

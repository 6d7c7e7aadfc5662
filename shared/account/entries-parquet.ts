import { type ColumnSource, parquetWriteBuffer } from 'hyparquet-writer'
import type { LedgerEntry } from '#shared/metering/ledger.ts'
import { entryCells, entryColumns } from './entry-cells.ts'

type Column = (typeof entryColumns)[number]

/** What is no text: TIMESTAMP is milliseconds since 1970 (UTC), amounts are INT64 micros. */
const types: Readonly<Partial<Record<Column, 'INT64' | 'TIMESTAMP'>>> = {
  time: 'TIMESTAMP',
  amount_micros: 'INT64',
  calls: 'INT64',
  rows: 'INT64',
  input_bytes: 'INT64',
  pixels: 'INT64',
  input_tokens: 'INT64',
  output_tokens: 'INT64',
  compute_ms: 'INT64',
  credit_expires_at: 'TIMESTAMP',
}
const required: ReadonlySet<Column> = new Set(['time', 'id', 'type', 'amount_micros', 'currency'])

/** Entries as a Parquet file, with the columns of the CSV in their own types; absent is null. */
export function encodeEntriesParquet(entries: readonly LedgerEntry[]): Uint8Array {
  const rows = entries.map(entryCells)
  const columnData = entryColumns.map((name, at): ColumnSource => {
    const type = types[name] ?? ('STRING' as const)
    const data = rows.map((cells) => readCell(type, cells[at] ?? ''))
    return { name, type, data, nullable: !required.has(name) }
  })
  return new Uint8Array(parquetWriteBuffer({ columnData }))
}

function readCell(
  type: 'STRING' | 'INT64' | 'TIMESTAMP',
  cell: string,
): string | bigint | Date | null {
  if (cell === '') return null
  if (type === 'STRING') return cell
  if (type === 'TIMESTAMP') return new Date(cell)
  // An amount may pass 2^53; a count that is not whole counts up, as in its price.
  return /^\d+$/.test(cell) ? BigInt(cell) : BigInt(Math.ceil(Number(cell)))
}

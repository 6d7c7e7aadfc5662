import type { ObjectStore } from '../object-store.ts'
import type { ChunkRange, PlanSource } from '../plan.ts'
import { openParquet } from './parquet-file.ts'
import { readCsv } from './read-csv.ts'
import { type SplitOptions, splitRecords } from './split-records.ts'

/** All records of a source, bad ones too: one pass over a text that parses as little as it can. */
export async function countRecords(
  source: PlanSource,
  read: ObjectStore['read'],
  options: SplitOptions = {},
): Promise<number> {
  if (source.format === 'parquet') {
    return Number((await openParquet(read, source.object)).metadata.num_rows)
  }
  const whole = { start: 0, end: source.object.sizeBytes }
  return (await countRange(source, whole, read, options)).records
}

/** The same of the records that a chunk owns, and its lines: what its reader would give. */
export async function countRange(
  source: PlanSource,
  range: ChunkRange,
  read: ObjectStore['read'],
  options: SplitOptions = {},
): Promise<{ records: number; lines: number }> {
  const rows = range.end - range.start
  if (source.format === 'parquet') return { records: rows, lines: rows }
  const batches =
    source.format === 'csv'
      ? readCsv(source, range, read, { ...options, textOnly: true })
      : splitRecords(read, source.object, range, unparsed, options)
  const count = { records: 0, lines: 0 }
  for await (const { records, lines } of batches) {
    count.records += records.length
    count.lines = lines
  }
  return count
}

const unparsed = {
  quotes: false,
  parse: (text: string) => (/^[ \t\r]*$/.test(text) ? undefined : { value: undefined }),
}

import type { ObjectStore } from '../object-store.ts'
import type { PlanSource } from '../plan.ts'
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
  const batches =
    source.format === 'csv'
      ? readCsv(source, whole, read, { ...options, textOnly: true })
      : splitRecords(read, source.object, whole, unparsed, options)
  let count = 0
  for await (const { records } of batches) count += records.length
  return count
}

const unparsed = {
  quotes: false,
  parse: (text: string) => (/^[ \t\r]*$/.test(text) ? undefined : { value: undefined }),
}

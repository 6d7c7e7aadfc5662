import type { RecordBatch } from '../chunk.ts'
import type { ObjectStore } from '../object-store.ts'
import type { ChunkRange, PlanSource } from '../plan.ts'
import { type CsvOptions, readCsv } from './read-csv.ts'
import { readJsonLines } from './read-json-lines.ts'
import { type ObjectOptions, readObjects } from './read-objects.ts'
import { readParquet } from './read-parquet.ts'

export type ReadOptions = CsvOptions & ObjectOptions

/**
 * The records that a chunk owns, in order, in batches of what was read at once. Every record of a
 * source belongs to one chunk of it, however it is cut.
 * @throws ServiceError `object_gone` and `store_unavailable` of the source itself,
 *   `batch_input_invalid` where a Parquet file is damaged
 */
export function readRecords(
  source: PlanSource,
  range: ChunkRange,
  read: ObjectStore['read'],
  options: ReadOptions = {},
): AsyncGenerator<RecordBatch> {
  switch (source.format) {
    case 'jsonl':
      return readJsonLines(source, range, read, options)
    case 'csv':
      return readCsv(source, range, read, options)
    case 'parquet':
      return readParquet(source, range, read)
    case 'objects':
      return readObjects(source, range, read, options)
  }
}

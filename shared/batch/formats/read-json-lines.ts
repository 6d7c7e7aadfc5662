import type { RecordBatch } from '../chunk.ts'
import type { ObjectStore } from '../object-store.ts'
import type { ChunkRange, PlanSource } from '../plan.ts'
import { parseJsonRecord } from './parse-json-record.ts'
import { type SplitOptions, splitRecords } from './split-records.ts'

const syntax = { quotes: false, parse: parseJsonRecord }

/** The lines of JSONL that start in a range, each as the value that it holds. */
export function readJsonLines(
  { object }: Pick<PlanSource, 'object'>,
  range: ChunkRange,
  read: ObjectStore['read'],
  options: SplitOptions = {},
): AsyncGenerator<RecordBatch> {
  return splitRecords(read, object, range, syntax, options)
}

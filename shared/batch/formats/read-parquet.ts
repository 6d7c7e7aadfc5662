import { parquetReadObjects } from 'hyparquet'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { InputRecord, RecordBatch } from '../chunk.ts'
import type { ObjectStore } from '../object-store.ts'
import type { ChunkRange, PlanSource } from '../plan.ts'
import { parquetCompressors } from './parquet-compressors.ts'
import { openParquet, type ParquetFile } from './parquet-file.ts'
import { plainValue } from './plain-value.ts'

/**
 * Rows of Parquet, as objects of column and value. Memory is O(row group): the columns of a group
 * are unpacked whole. `offset` is the row of the file, `line` the row of the chunk.
 * @throws ServiceError `batch_input_invalid` where the file is damaged
 */
export async function* readParquet(
  { object }: Pick<PlanSource, 'object'>,
  { start, end }: ChunkRange,
  read: ObjectStore['read'],
): AsyncGenerator<RecordBatch> {
  const parquet = await openParquet(read, object)
  let groupStart = 0
  for (const { num_rows } of parquet.metadata.row_groups) {
    const groupEnd = groupStart + Number(num_rows)
    const rowStart = Math.max(start, groupStart)
    const rowEnd = Math.min(end, groupEnd)
    if (rowStart < rowEnd) {
      const rows = await readRows(parquet, rowStart, rowEnd)
      const records = rows.map((row, index) => recordOf(row, rowStart + index, start))
      yield { records, lines: rowEnd - start }
    }
    groupStart = groupEnd
  }
}

async function readRows({ file, metadata }: ParquetFile, rowStart: number, rowEnd: number) {
  let rows: Record<string, unknown>[]
  try {
    rows = await parquetReadObjects({
      file,
      metadata,
      rowStart,
      rowEnd,
      compressors: parquetCompressors,
      // What the file does not say to be text is bytes.
      utf8: false,
    })
  } catch (cause) {
    // The store's own failures pass; only what the bytes say is the file's fault.
    if (cause instanceof ServiceError) throw cause
    throw damaged(rowStart, rowEnd, cause)
  }
  if (rows.length !== rowEnd - rowStart) throw damaged(rowStart, rowEnd)
  return rows
}

function recordOf(row: Record<string, unknown>, offset: number, start: number): InputRecord {
  const place = { offset, line: offset - start }
  try {
    return { ...place, value: plainValue(row) }
  } catch (thrown) {
    const error = { code: 'number_not_finite', detail: (thrown as RangeError).message }
    return { ...place, value: undefined, error }
  }
}

const damaged = (rowStart: number, rowEnd: number, cause?: unknown) =>
  new ServiceError('batch_input_invalid', {
    detail: `Rows ${rowStart} to ${rowEnd} of the Parquet file cannot be read.`,
    cause,
  })

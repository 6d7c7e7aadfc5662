import { taskModelOf } from '#shared/inference/task-model.ts'
import type { InputRecord } from '../chunk.ts'
import { readJsonLines } from '../formats/read-json-lines.ts'
import { type ReadOptions, readRecords } from '../formats/read-records.ts'
import type { StoredObject } from '../object-store.ts'
import type { ChunkWork } from '../scorer.ts'
import type { CallDialect } from './call-dialect.ts'
import { callRecords } from './call-records.ts'
import type { ChunkRecords } from './chunk-records.ts'
import { readJobParameters } from './job-parameters.ts'
import { createRecordReader } from './record-input.ts'
import { objectValues } from './record-values.ts'
import { collectRows } from './row-records.ts'

/**
 * Reads a chunk and takes it apart into what its model takes. Memory is O(chunk).
 * @throws ServiceError `parameter_invalid`, and those of reading the source
 */
export async function openRecords(
  { entry, source, range, read, parameters: given, records: kind, join }: ChunkWork,
  dialect: CallDialect,
): Promise<{ records: ChunkRecords; lines: number }> {
  const { task, column, parameters } = await readJobParameters(entry, given)
  const model = taskModelOf(entry)
  const reader = createRecordReader({ task, model, column })
  const isInput = kind.kind === 'input'
  const options: ReadOptions = {
    textOnly: isInput && reader.textOnly,
    // A line that carries its record along needs all of it.
    numbers:
      isInput && !join && source.format === 'csv' ? reader.numbersOf(source.columns) : undefined,
  }
  const isList = source.format === 'objects'
  /** Calls, and objects that are not read yet. */
  const records: InputRecord[] = []
  const rows = collectRows({
    ...{ entry, task, reader, parameters, join },
    values: isList ? objectValues(records, read) : undefined,
  })
  let lines = 0
  for await (const batch of readAll(source, range, read, options)) {
    for (const record of batch.records) {
      const named = isList ? withKey(record) : record
      if (isList || !isInput) records.push(named)
      if (isInput) rows.add(named)
    }
    lines = batch.lines
  }
  if (kind.kind === 'input') return { records: rows.finish(), lines }
  return { records: await callRecords(records, { entry, url: kind.url, dialect }), lines }
}

/** The bytes of listed objects are many: here the list is read, each object when its turn comes. */
const readAll = (
  source: ChunkWork['source'],
  range: ChunkWork['range'],
  read: ChunkWork['read'],
  options: ReadOptions,
) =>
  source.format === 'objects'
    ? readJsonLines(source, range, read)
    : readRecords(source, range, read, options)

const withKey = (record: InputRecord): InputRecord =>
  record.error ? record : { ...record, key: (record.value as StoredObject).key }

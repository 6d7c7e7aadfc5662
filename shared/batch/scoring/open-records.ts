import { taskModelOf } from '#shared/inference/task-model.ts'
import type { InputRecord } from '../chunk.ts'
import { readJsonLines } from '../formats/read-json-lines.ts'
import { readRecords } from '../formats/read-records.ts'
import type { StoredObject } from '../object-store.ts'
import type { ChunkWork } from '../scorer.ts'
import type { CallDialect } from './call-dialect.ts'
import { callRecords } from './call-records.ts'
import type { ChunkRecords } from './chunk-records.ts'
import { readJobParameters } from './job-parameters.ts'
import { createRecordReader } from './record-input.ts'
import { objectValues } from './record-values.ts'
import { rowRecords } from './row-records.ts'

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
  const textOnly = kind.kind === 'input' && reader.textOnly
  const records: InputRecord[] = []
  let lines = 0
  for await (const batch of readAll(source, range, read, textOnly)) {
    for (const record of batch.records) records.push(record)
    lines = batch.lines
  }
  if (kind.kind === 'call') {
    const calls = await callRecords(records, { entry, url: kind.url, dialect })
    return { records: calls, lines }
  }
  const isList = source.format === 'objects'
  const opened = rowRecords(isList ? records.map(withKey) : records, {
    ...{ entry, task, reader, parameters, join },
    values: isList ? objectValues(records, read) : undefined,
  })
  return { records: opened, lines }
}

/** The bytes of listed objects are many: here the list is read, each object when its turn comes. */
const readAll = (
  source: ChunkWork['source'],
  range: ChunkWork['range'],
  read: ChunkWork['read'],
  textOnly: boolean,
) =>
  source.format === 'objects'
    ? readJsonLines(source, range, read)
    : readRecords(source, range, read, { textOnly })

const withKey = (record: InputRecord): InputRecord =>
  record.error ? record : { ...record, key: (record.value as StoredObject).key }

import type { InputRecord, RecordBatch } from '../chunk.ts'
import type { ObjectStore } from '../object-store.ts'
import type { ChunkRange, PlanSource } from '../plan.ts'
import { readJsonLines } from './read-json-lines.ts'
import { readObject } from './read-object.ts'

export interface ObjectOptions {
  readonly objectBytes?: number | undefined
  /** How many are fetched ahead of the one that is given out. */
  readonly ahead?: number | undefined
}

/**
 * The objects whose line of the list starts in a range, each a record: its bytes, of the very
 * version that was listed. One that is gone or too large is an error; a store that fails is thrown.
 */
export async function* readObjects(
  source: Pick<PlanSource, 'object'>,
  range: ChunkRange,
  read: ObjectStore['read'],
  { objectBytes, ahead = 4 }: ObjectOptions = {},
): AsyncGenerator<RecordBatch> {
  let lines = 0
  for await (const batch of readJsonLines(source, range, read)) {
    const coming: Promise<InputRecord>[] = []
    for (let next = 0; next < batch.records.length; ) {
      while (next + coming.length < batch.records.length && coming.length < ahead) {
        const entry = batch.records[next + coming.length] as InputRecord
        const record = readObject(entry, read, objectBytes)
        // Whoever fails while an earlier one is waited for is heard in its turn.
        record.catch(() => {})
        coming.push(record)
      }
      const record = await (coming.shift() as Promise<InputRecord>)
      next += 1
      yield { records: [record], lines: record.line + 1 }
    }
    lines = batch.lines
  }
  yield { records: [], lines }
}

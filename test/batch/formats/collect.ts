import type { InputRecord, RecordBatch } from '#shared/batch/chunk.ts'

/** All records of some batches, and the lines that the last one told. */
export async function collect(
  batches: AsyncIterable<RecordBatch>,
): Promise<{ records: InputRecord[]; lines: number }> {
  const records: InputRecord[] = []
  let lines = 0
  for await (const batch of batches) {
    records.push(...batch.records)
    lines = batch.lines
  }
  return { records, lines }
}

/** Values, or the codes of errors. */
export const outcomes = (records: readonly InputRecord[]): unknown[] =>
  records.map(({ value, error }) => (error ? error.code : value))

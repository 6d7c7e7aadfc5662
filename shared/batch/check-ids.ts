import type { InputRecord } from './chunk.ts'
import { readRecords } from './formats/read-records.ts'
import { createIdTable } from './id-table.ts'
import type { JobProblem } from './job.ts'
import { LinesInvalid, maxProblems } from './lines-invalid.ts'
import type { ObjectStore } from './object-store.ts'
import type { PlanSource } from './plan.ts'

/** Memory stays below 200 MB. */
const maxIds = 5_000_000

/**
 * JSONL whose first records (those of the first 64 KB) carry a `custom_id` names each record once.
 * @param onRecord told of each record, by the byte that it begins at
 * @returns whether the file was looked through
 * @throws LinesInvalid with the lines that have the id of an earlier one
 */
export async function checkIds(
  source: PlanSource,
  { read }: ObjectStore,
  onRecord: (offset: number) => void,
): Promise<boolean> {
  if (source.format !== 'jsonl') return false
  const problems: JobProblem[] = []
  const table = createIdTable()
  let isFirst = true
  for await (const { records } of readRecords(source, wholeOf(source), read)) {
    if (isFirst && !records.some((record) => idOf(record) !== undefined)) return false
    isFirst = false
    for (const record of records) {
      onRecord(record.offset)
      const id = idOf(record)
      if (id === undefined) continue
      const line = record.line + 1
      const first = table.add(id, line)
      if (first === undefined) continue
      const message = `Line ${first} has the same "custom_id".`
      if (problems.length < maxProblems)
        problems.push({ code: 'duplicate_custom_id', message, line })
    }
    if (table.size > maxIds) {
      const message = `More than ${maxIds} lines carry "custom_id": cut the file, or leave it out.`
      throw new LinesInvalid([{ code: 'too_many_custom_ids', message }])
    }
  }
  if (problems.length > 0) throw new LinesInvalid(problems)
  return !isFirst
}

const wholeOf = ({ object }: PlanSource) => ({ start: 0, end: object.sizeBytes })

/** `1` and `"1"` are two ids. */
function idOf({ value }: InputRecord): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { custom_id: id } = value as { custom_id?: unknown }
  return typeof id === 'string' || typeof id === 'number' ? JSON.stringify(id) : undefined
}

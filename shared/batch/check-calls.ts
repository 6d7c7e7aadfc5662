import { readRecords } from './formats/read-records.ts'
import type { JobOrder, JobProblem } from './job.ts'
import { LinesInvalid, maxProblems } from './lines-invalid.ts'
import type { ObjectStore } from './object-store.ts'
import type { PlanSource } from './plan.ts'

/** Of the OpenAI Batch API. The native route has no such limits. */
const maxCalls = 50_000
const maxBytes = 200_000_000

/**
 * Checks a file of calls before any of them is answered: each line a call of the batch's endpoint,
 * each `custom_id` once.
 * @param onRecord told of each, by the byte that it begins at
 * @throws LinesInvalid with the lines that are wrong
 */
export async function checkCalls(
  { records }: JobOrder,
  source: PlanSource,
  { read }: ObjectStore,
  onRecord: (offset: number) => void,
): Promise<void> {
  const url = records.kind === 'call' ? records.url : ''
  const { sizeBytes } = source.object
  if (sizeBytes > maxBytes)
    throw tooLarge(`The file has ${sizeBytes} bytes; ${maxBytes} are taken.`)
  const problems: JobProblem[] = []
  const lines = new Map<string, number>()
  let calls = 0
  for await (const batch of readRecords(source, { start: 0, end: sizeBytes }, read)) {
    for (const { value, error, offset, line: before } of batch.records) {
      const line = before + 1
      calls += 1
      onRecord(offset)
      const problem = error
        ? { code: 'invalid_json_line', message: error.detail, line }
        : problemOf(value, line, url, lines)
      if (problem && problems.length < maxProblems) problems.push(problem)
    }
    if (calls > maxCalls) throw tooLarge(`The file has more than ${maxCalls} requests.`)
  }
  if (calls === 0) problems.push({ code: 'empty_file', message: 'The file holds no requests.' })
  if (problems.length > 0) throw new LinesInvalid(problems)
}

function problemOf(
  value: unknown,
  line: number,
  url: string,
  lines: Map<string, number>,
): JobProblem | undefined {
  const problem = (code: string, message: string) => ({ code, message, line })
  if (typeof value !== 'object' || value === null) {
    return problem('invalid_json_line', 'The line is not a JSON object.')
  }
  const call = value as Readonly<Record<string, unknown>>
  const { custom_id: id } = call
  if (typeof id !== 'string' || id === '') {
    return problem('missing_required_parameter', '"custom_id" must be a string.')
  }
  const first = lines.get(id)
  if (first !== undefined) {
    return problem('duplicate_custom_id', `Line ${first} has the same "custom_id".`)
  }
  lines.set(id, line)
  if (call.method !== 'POST') return problem('invalid_method', '"method" must be "POST".')
  if (call.url !== url) return problem('mismatched_url', `"url" must be "${url}".`)
  if (typeof call.body !== 'object' || call.body === null) {
    return problem('missing_required_parameter', '"body" must be an object.')
  }
  return undefined
}

const tooLarge = (message: string) => new LinesInvalid([{ code: 'file_too_large', message }])

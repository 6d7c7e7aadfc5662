import type { Job } from './job.ts'
import type { NumberedPart } from './read-parts.ts'

/** The two files that come out: every record of the input is in one of them, in the input's order. */
export type OutputName = 'results' | 'errors'

/** One line of a part. */
interface NumberedLine {
  /** From 1, over the whole input. */
  readonly record: number
  /** Lines of the chunks before this one. */
  readonly linesBefore: number
  /** JSON without its newline. */
  readonly text: string
}

const errorStart = '{"error":'
const errorBytes = Buffer.from(errorStart)

/**
 * The lines of one output file, as JSON without newlines, made as they are asked for.
 * Of inputs: `{"record":17,…}`, a number that every record of the input has.
 * Of calls: the lines of the OpenAI Batch API; an error is every answer that is no success.
 */
export function* outputLines(
  { bytes, record: recordsBefore, linesBefore }: NumberedPart,
  job: Job,
  name: OutputName,
): Generator<string> {
  let record = recordsBefore
  for (let start = 0, end = 0; start < bytes.length; start = end + 1) {
    end = bytes.indexOf(newline, start)
    record += 1
    const line = outputLine(
      { record, linesBefore, text: bytes.toString('utf8', start, end) },
      job,
      name,
    )
    if (line !== undefined) yield line
  }
}

function outputLine(line: NumberedLine, job: Job, name: OutputName): string | undefined {
  const { record, linesBefore, text } = line
  const isError = text.startsWith(errorStart)
  if (job.order.records.kind === 'call') return callLine(text, record, isError, job, name)
  if (isError !== (name === 'errors')) return undefined
  // Without parsing it: `{"outputs":…}` becomes `{"record":17,"outputs":…}`.
  if (!isError) return `{"record":${record},${text.slice(1)}`
  const { line: inChunk, ...error } = JSON.parse(text) as { line: number }
  return JSON.stringify({ record, line: linesBefore + inChunk + 1, ...error })
}

const newline = 10
const comma = 0x2c
const recordHead = Buffer.from('{"record":')
/** The head with the digits of a record, and a comma. */
const mostHeadBytes = 32

/**
 * The same of the results of inputs, each with its newline, from bytes to bytes: of millions of short
 * lines no object is made. Returns memory that the next call uses again.
 */
export function createResultLines(): (part: NumberedPart) => Uint8Array {
  let memory = Buffer.alloc(0)
  return ({ bytes, record: recordsBefore }) => {
    let record = recordsBefore
    let filled = 0
    for (let start = 0, end = 0; start < bytes.length; start = end) {
      end = bytes.indexOf(newline, start) + 1
      record += 1
      if (startsWithError(bytes, start)) continue
      const needed = filled + mostHeadBytes + end - start
      if (needed > memory.length) {
        const larger = Buffer.allocUnsafeSlow(Math.max(needed, bytes.length * 1.5) * 1.5)
        memory.copy(larger, 0, 0, filled)
        memory = larger
      }
      filled += recordHead.copy(memory, filled)
      filled = writeDigits(memory, filled, record)
      memory[filled++] = comma
      filled += bytes.copy(memory, filled, start + 1, end)
    }
    return memory.subarray(0, filled)
  }
}

/** As text would be, without making one. @returns the place behind */
function writeDigits(memory: Buffer, at: number, value: number): number {
  let end = at + 1
  for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) end += 1
  for (let place = end - 1, rest = value; place >= at; place -= 1) {
    const tens = Math.floor(rest / 10)
    memory[place] = 0x30 + rest - tens * 10
    rest = tens
  }
  return end
}

/** Bytes that decide are the first ones: of a result the third is not the same. */
function startsWithError(bytes: Buffer, start: number): boolean {
  if (bytes[start + 2] !== errorBytes[2]) return false
  const end = start + errorBytes.length
  return end <= bytes.length && bytes.compare(errorBytes, 0, errorBytes.length, start, end) === 0
}

const responseStart = ',"response":{"status_code":'
const bodyStart = ',"body":'

/**
 * A line of calls, `{"custom_id":…,"response":{"status_code":…,"body":…}}`, with its ids. The body is
 * taken as it stands: parsed, its whole numbers beyond 2^53 would be rounded. Within a JSON string no
 * quote stands without a backslash, so what is looked for is found where it is meant.
 */
function callLine(
  text: string,
  record: number,
  isError: boolean,
  job: Job,
  name: OutputName,
): string | undefined {
  const requestId = JSON.stringify(`batch_req_${job.id.slice(4)}_${record}`)
  if (isError) {
    if (name === 'results') return undefined
    const { id = null, error } = JSON.parse(text) as {
      id?: string
      error: { code: string; detail: string }
    }
    const told = JSON.stringify({ code: error.code, message: error.detail })
    return `{"id":${requestId},"custom_id":${JSON.stringify(id)},"response":null,"error":${told}}`
  }
  const response = text.indexOf(responseStart)
  const body = text.indexOf(bodyStart, response)
  const status = text.slice(response + responseStart.length, body)
  if ((status === '200') !== (name === 'results')) return undefined
  const head = `{"id":${requestId},${text.slice(1, body)},"request_id":${requestId}`
  return `${head}${text.slice(body, -1)},"error":null}`
}

import type { Job } from './job.ts'
import type { NumberedLine } from './read-parts.ts'

/** The two files that come out: every record of the input is in one of them, in the input's order. */
export type OutputName = 'results' | 'errors'

const open = 0x7b
const errorStart = Buffer.from('{"error":')

/**
 * The lines of one output file, as JSON without newlines.
 * Of inputs: `{"record":17,…}`, a number that every record of the input has.
 * Of calls: the lines of the OpenAI Batch API; an error is every answer that is no success.
 */
export function outputLine(
  { record, linesBefore, bytes }: NumberedLine,
  job: Job,
  name: OutputName,
): Buffer | undefined {
  const isError = startsWith(bytes, errorStart)
  if (job.order.records.kind === 'call') return callLine(bytes, record, isError, job, name)
  if (isError !== (name === 'errors')) return undefined
  if (!isError) return numbered(bytes, record)
  const { line, ...error } = JSON.parse(bytes.toString()) as { line: number }
  return Buffer.from(JSON.stringify({ record, line: linesBefore + line + 1, ...error }))
}

/** `{"outputs":…}` becomes `{"record":17,"outputs":…}` without being parsed. */
function numbered(bytes: Buffer, record: number): Buffer {
  const head = `{"record":${record},`
  const line = Buffer.allocUnsafe(head.length + bytes.length - 1)
  line.write(head, 'latin1')
  if (bytes[0] !== open) throw new Error('a part line is a JSON object')
  bytes.copy(line, head.length, 1)
  return line
}

const responseStart = ',"response":{"status_code":'
const bodyStart = ',"body":'

/**
 * A line of calls, `{"custom_id":…,"response":{"status_code":…,"body":…}}`, with its ids. The body is
 * taken as it stands: parsed, its whole numbers beyond 2^53 would be rounded. Within a JSON string no
 * quote stands without a backslash, so what is looked for is found where it is meant.
 */
function callLine(
  bytes: Buffer,
  record: number,
  isError: boolean,
  job: Job,
  name: OutputName,
): Buffer | undefined {
  const requestId = JSON.stringify(`batch_req_${job.id.slice(4)}_${record}`)
  const text = bytes.toString()
  if (isError) {
    if (name === 'results') return undefined
    const { id = null, error } = JSON.parse(text) as {
      id?: string
      error: { code: string; detail: string }
    }
    const told = JSON.stringify({ code: error.code, message: error.detail })
    return Buffer.from(
      `{"id":${requestId},"custom_id":${JSON.stringify(id)},"response":null,"error":${told}}`,
    )
  }
  const response = text.indexOf(responseStart)
  const body = text.indexOf(bodyStart, response)
  const status = text.slice(response + responseStart.length, body)
  if ((status === '200') !== (name === 'results')) return undefined
  const head = `{"id":${requestId},${text.slice(1, body)},"request_id":${requestId}`
  return Buffer.from(`${head}${text.slice(body, -1)},"error":null}`)
}

const startsWith = (bytes: Buffer, start: Buffer): boolean =>
  bytes.length >= start.length && bytes.compare(start, 0, start.length, 0, start.length) === 0

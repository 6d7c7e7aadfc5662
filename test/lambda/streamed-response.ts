import type { IncomingMessage } from 'node:http'

export interface StreamedResponse {
  /** Status, headers and cookies, where the function set them through `HttpResponseStream.from`. */
  readonly prelude: StreamPrelude | undefined
  /** The chunks as they arrive; iterating throws what the function threw in mid-stream. */
  readonly body: AsyncIterable<Uint8Array>
}

interface StreamPrelude {
  readonly statusCode?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly cookies?: readonly string[]
}

const preludeType = 'application/vnd.awslambda.http-integration-response'
const delimiter = Buffer.alloc(8)

/**
 * Takes apart what a streaming function posts: a JSON prelude, eight NUL bytes, then the payload.
 * Returns as soon as the prelude is there; the payload goes on arriving.
 */
export async function readStreamedResponse(request: IncomingMessage): Promise<StreamedResponse> {
  const chunks = request[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  if (request.headers['content-type'] !== preludeType) {
    return { prelude: undefined, body: rest(request, chunks) }
  }
  let head = Buffer.alloc(0)
  // The delimiter may lie across chunks, so it is looked for in all that came so far.
  while (head.indexOf(delimiter) < 0) {
    const { done, value } = await chunks.next()
    if (done) throw new Error('The stream ended within its prelude.')
    head = Buffer.concat([head, value])
  }
  const end = head.indexOf(delimiter)
  return {
    prelude: JSON.parse(head.subarray(0, end).toString()) as StreamPrelude,
    body: rest(request, chunks, head.subarray(end + delimiter.length)),
  }
}

async function* rest(
  request: IncomingMessage,
  chunks: AsyncIterator<Buffer>,
  first?: Buffer,
): AsyncGenerator<Uint8Array> {
  if (first && first.length > 0) yield first
  for (let next = await chunks.next(); !next.done; next = await chunks.next()) yield next.value
  const errorType = request.trailers['lambda-runtime-function-error-type']
  if (!errorType) return
  const body = request.trailers['lambda-runtime-function-error-body'] ?? ''
  throw new Error(`${errorType}: ${Buffer.from(body, 'base64').toString()}`)
}

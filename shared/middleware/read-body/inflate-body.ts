import { gunzip, inflate } from 'node:zlib'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { HttpRequest } from '#shared/protocols/http-message.ts'

/** RFC 9110, 8.4.1: `deflate` is the zlib format. */
const inflaters = { gzip: gunzip, 'x-gzip': gunzip, deflate: inflate }

export interface InflateBodyOptions {
  /** Bytes of the body, as sent and as inflated. */
  limitBytes: number
  /** A body inflates to at most this many times its size: nothing honest is near it. */
  ratio?: number
}

/**
 * A request with its Content-Encoding undone, never past the limit.
 * @throws ServiceError `payload_too_large`, `unsupported_encoding`, `body_not_decodable`
 */
export async function inflateBody(
  request: HttpRequest,
  { limitBytes, ratio = 100 }: InflateBodyOptions,
): Promise<HttpRequest> {
  const { body, headers, oversized } = request
  if (oversized || body.length > limitBytes) throw tooLarge(limitBytes)
  const encoding = headers['content-encoding']?.trim().toLowerCase() ?? 'identity'
  if (encoding === 'identity' || encoding === '') return request
  if (!Object.hasOwn(inflaters, encoding)) throw new ServiceError('unsupported_encoding')
  const maxOutputLength = Math.max(1, Math.min(limitBytes, body.length * ratio))
  const inflater = inflaters[encoding as keyof typeof inflaters]
  const inflated = await undo(inflater, body, maxOutputLength)
  return { ...request, body: inflated, sentBytes: body.length }
}

function undo(
  inflater: (typeof inflaters)[keyof typeof inflaters],
  body: Uint8Array,
  maxOutputLength: number,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    inflater(body, { maxOutputLength }, (cause: NodeJS.ErrnoException | null, inflated) => {
      if (!cause) resolve(inflated)
      else if (cause.code === 'ERR_BUFFER_TOO_LARGE') reject(tooLarge(maxOutputLength))
      else reject(new ServiceError('body_not_decodable', { cause }))
    })
  })
}

function tooLarge(limitBytes: number): ServiceError {
  return new ServiceError('payload_too_large', {
    detail: `The body may have ${limitBytes} bytes at most, counted after it is inflated.`,
  })
}

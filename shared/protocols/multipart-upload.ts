import { once } from 'node:events'
import type { Readable } from 'node:stream'
import type { BusboyInstance } from '@fastify/busboy'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { HttpRequest } from './http-message.ts'

/** A form with one file (RFC 7578), read while it arrives: its fields may stand before or behind it. */
export interface MultipartUpload {
  readonly filename: string
  /** Whoever stops reading before the end stops the upload. */
  readonly bytes: AsyncIterable<Uint8Array>
  /** All fields, once the file has been read. */
  fields(): Promise<Readonly<Record<string, string>>>
}

/**
 * @throws ServiceError `unsupported_media_type`, `upload_invalid` where there is not one file in it,
 * or it ends in the middle
 */
export async function readMultipartUpload(request: HttpRequest): Promise<MultipartUpload> {
  const { stream } = request
  const parser = await parserOf(request)
  if (!stream) throw invalid('There is no form.')
  const fields: Record<string, string> = {}
  const left = new AbortController()
  const arrival = Promise.withResolvers<{ filename: string; file: Readable }>()
  const failed = Promise.withResolvers<never>()
  parser.on('field', (name, value) => {
    fields[name] = value
  })
  parser.on('file', (_name, file, filename) => {
    // Heard also before anybody reads it; who reads it then is told.
    file.on('error', () => undefined)
    // Bytes (`application/octet-stream`) are a file also where nobody has named them.
    arrival.resolve({ filename: filename ?? 'file', file })
    failed.promise.catch((cause) => file.destroy(cause))
  })
  parser.on('filesLimit', () => failed.reject(invalid('The form holds more than one file.')))
  parser.on('error', (cause) => failed.reject(brokenOff(cause)))
  feed(stream, parser, left.signal).catch((cause) => failed.reject(brokenOff(cause)))
  const parsed = Promise.race([once(parser, 'finish', { signal: left.signal }), failed.promise])
  parsed.then(() => arrival.reject(invalid('The form holds no file.')), arrival.reject)

  const { filename, file } = await arrival.promise
  return {
    filename,
    bytes: untilLeft(file, left),
    async fields() {
      await parsed
      return fields
    },
  }
}

async function parserOf({ headers, stream }: HttpRequest): Promise<BusboyInstance> {
  const { 'content-type': contentType = '' } = headers
  if (!stream || !/^multipart\/form-data\b/i.test(contentType)) {
    throw new ServiceError('unsupported_media_type', { fix: 'Send multipart/form-data.' })
  }
  // A CommonJS package: of a bundle only the whole of it can be imported lazily.
  const { default: busboy } = await import('@fastify/busboy')
  try {
    return new busboy.Busboy({
      headers: { ...headers, 'content-type': contentType },
      limits: { files: 1, fields: 32, fieldSize: 65_536, parts: 40 },
    })
  } catch (cause) {
    throw invalid('The form says no boundary.', cause)
  }
}

/** Not by a pipeline, which in a failure would cut the connection that the answer has to go by. */
async function feed(
  stream: AsyncIterable<Uint8Array>,
  parser: BusboyInstance,
  signal: AbortSignal,
): Promise<void> {
  for await (const piece of stream) {
    if (!parser.write(piece)) await once(parser, 'drain', { signal })
    if (signal.aborted) return
  }
  parser.end()
}

async function* untilLeft(file: Readable, left: AbortController): AsyncGenerator<Uint8Array> {
  try {
    yield* file
  } catch (cause) {
    // The parser may tell its reader before it tells anybody else.
    throw cause instanceof ServiceError ? cause : brokenOff(cause)
  } finally {
    if (!file.readableEnded) left.abort()
  }
}

const brokenOff = (cause: unknown) => invalid('The form breaks off or is none.', cause)

const invalid = (detail: string, cause?: unknown) =>
  new ServiceError('upload_invalid', { detail, cause })

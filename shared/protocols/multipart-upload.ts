import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { HttpRequest } from './http-message.ts'

/** A form with one file (RFC 7578), read while it arrives: its fields may stand before or behind it. */
export interface MultipartUpload {
  readonly filename: string
  readonly bytes: AsyncIterable<Uint8Array>
  /** All fields, once the file has been read. */
  fields(): Promise<Readonly<Record<string, string>>>
}

/**
 * @throws ServiceError `unsupported_media_type`, `upload_invalid` where there is no file in it, or it
 * ends in the middle
 */
export async function readMultipartUpload({
  headers,
  stream,
}: HttpRequest): Promise<MultipartUpload> {
  const contentType = headers['content-type'] ?? ''
  if (!stream || !contentType.toLowerCase().startsWith('multipart/form-data')) {
    throw new ServiceError('unsupported_media_type', { fix: 'Send multipart/form-data.' })
  }
  const { Busboy } = await import('@fastify/busboy')
  const fields: Record<string, string> = {}
  const arrival = Promise.withResolvers<Pick<MultipartUpload, 'filename' | 'bytes'>>()
  const parser = parserOf()
  parser.on('field', (name, value) => {
    fields[name] = value
  })
  parser.on('file', (_name, bytes, filename) => arrival.resolve({ filename, bytes }))
  const parsed = pipeline(stream as Readable, parser).then(
    () => arrival.reject(invalid('The form holds no file.')),
    (cause) => {
      arrival.reject(invalid('The form breaks off or is none.', cause))
      throw invalid('The form breaks off or is none.', cause)
    },
  )
  // Whoever reads the file is told there.
  parsed.catch(() => undefined)
  return {
    ...(await arrival.promise),
    async fields() {
      await parsed
      return fields
    },
  }

  function parserOf() {
    try {
      return new Busboy({
        headers: { ...headers, 'content-type': contentType },
        limits: { files: 1, fields: 32, fieldSize: 65_536, parts: 40 },
      })
    } catch (cause) {
      throw invalid('The form says no boundary.', cause)
    }
  }
}

const invalid = (detail: string, cause?: unknown) =>
  new ServiceError('upload_invalid', { detail, cause })

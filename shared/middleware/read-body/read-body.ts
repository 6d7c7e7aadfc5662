import { promisify } from 'node:util'
import { gunzip, inflate } from 'node:zlib'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { Step } from '../step.ts'

/** RFC 9110, 8.4.1: `deflate` is the zlib format. */
const inflaters = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  deflate: promisify(inflate),
}

export interface ReadBodyOptions {
  /** Bytes of the body, as sent and as inflated. */
  limitBytes: number
  /** A body inflates to at most this many times its size: nothing honest is near it. */
  ratio?: number
}

/**
 * Undoes Content-Encoding, never past the limit.
 * @throws ServiceError `payload_too_large`, `unsupported_encoding`, `body_not_decodable`
 */
export function readBody({ limitBytes, ratio = 100 }: ReadBodyOptions): Step {
  return {
    async before({ event }) {
      const { body, headers, oversized } = event.request
      if (oversized || body.length > limitBytes) throw tooLarge(limitBytes)
      const encoding = headers['content-encoding']?.trim().toLowerCase() ?? 'identity'
      if (encoding === 'identity' || encoding === '') return
      if (!Object.hasOwn(inflaters, encoding)) throw new ServiceError('unsupported_encoding')
      const maxOutputLength = Math.max(1, Math.min(limitBytes, body.length * ratio))
      const inflated = await inflaters[encoding as keyof typeof inflaters](body, {
        maxOutputLength,
      }).catch((cause: NodeJS.ErrnoException) => {
        throw cause.code === 'ERR_BUFFER_TOO_LARGE'
          ? tooLarge(maxOutputLength)
          : new ServiceError('body_not_decodable', { cause })
      })
      event.request = { ...event.request, body: inflated }
    },
  }
}

function tooLarge(limitBytes: number): ServiceError {
  return new ServiceError('payload_too_large', {
    detail: `The body may have ${limitBytes} bytes at most, counted after it is inflated.`,
  })
}

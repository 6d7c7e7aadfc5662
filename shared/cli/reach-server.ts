import { type ErrorCode, errorCodes } from '#shared/errors/error-codes.ts'
import { ServiceError } from '#shared/errors/service-error.ts'

export interface ReachOptions extends RequestInit {
  readonly key: string | undefined
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * Sends a request to a server, whatever it answers. A body of text is JSON.
 * @throws ServiceError `server_unreachable`
 */
export function reachServer(
  url: string,
  path: string,
  { key, ...init }: ReachOptions,
): Promise<Response> {
  const headers = {
    ...init.headers,
    ...(key !== undefined && { authorization: `Bearer ${key}` }),
    ...(typeof init.body === 'string' && { 'content-type': 'application/json' }),
  }
  return fetch(addressOf(url, path), { ...init, headers }).catch((cause: Error) => {
    const reason = cause.cause instanceof Error ? cause.cause.message : cause.message
    throw new ServiceError('server_unreachable', {
      detail: `${url}: ${reason || 'no answer'}`,
      cause,
    })
  })
}

function addressOf(url: string, path: string): URL {
  try {
    return new URL(url.replace(/\/$/, '') + path)
  } catch (cause) {
    const detail = `"${url}" is not an address like http://127.0.0.1:8080.`
    throw new ServiceError('server_unreachable', { detail, cause })
  }
}

/**
 * What a server says is wrong as the error that it threw: problem details, or the words of OpenAI.
 *
 * @param otherwise for an answer that is neither
 */
export function serverError(answer: unknown, otherwise: string): ServiceError {
  const said = (answer ?? {}) as Record<string, unknown>
  const { code, detail, fix, message } = {
    ...said,
    ...(said.error as object | undefined),
  } as Record<string, unknown>
  if (typeof code !== 'string' || !Object.hasOwn(errorCodes, code)) {
    return new ServiceError('server_unreachable', { detail: otherwise })
  }
  const told = detail ?? message
  return new ServiceError(code as ErrorCode, {
    ...(typeof told === 'string' && { detail: told }),
    ...(typeof fix === 'string' && { fix }),
  })
}

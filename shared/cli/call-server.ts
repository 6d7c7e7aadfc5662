import { type ErrorCode, errorCodes } from '#shared/errors/error-codes.ts'
import { ServiceError } from '#shared/errors/service-error.ts'

export interface ServerAddress {
  readonly url: string
  readonly key: string | undefined
  readonly timeoutMs?: number
}

/**
 * Calls a percall server and gives back the JSON that it answers. With a body it is a POST.
 * @throws ServiceError of the server's own code, or `server_unreachable`
 */
export async function callServer(
  { url, key, timeoutMs = 60_000 }: ServerAddress,
  path: string,
  body?: unknown,
): Promise<unknown> {
  const response = await fetch(addressOf(url, path), {
    headers: {
      ...(key !== undefined && { authorization: `Bearer ${key}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { method: 'POST', body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(timeoutMs),
  }).catch((cause: Error) => {
    const reason = cause.cause instanceof Error ? cause.cause.message : cause.message
    throw new ServiceError('server_unreachable', {
      detail: `${url}: ${reason || 'no answer'}`,
      cause,
    })
  })
  const answer: unknown = await response.json().catch(() => undefined)
  if (response.ok && answer !== undefined) return answer
  throw errorOf(answer, `${url} answered ${response.status}.`)
}

function addressOf(url: string, path: string): URL {
  try {
    return new URL(url.replace(/\/$/, '') + path)
  } catch (cause) {
    const detail = `"${url}" is not an address like http://127.0.0.1:8080.`
    throw new ServiceError('server_unreachable', { detail, cause })
  }
}

/** The server's problem details as the error that it threw. */
function errorOf(answer: unknown, otherwise: string): ServiceError {
  const { code, detail, fix } = (answer ?? {}) as Record<string, unknown>
  if (typeof code !== 'string' || !Object.hasOwn(errorCodes, code)) {
    return new ServiceError('server_unreachable', { detail: otherwise })
  }
  return new ServiceError(code as ErrorCode, {
    ...(typeof detail === 'string' && { detail }),
    ...(typeof fix === 'string' && { fix }),
  })
}

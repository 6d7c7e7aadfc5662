import { reachServer, serverError } from './reach-server.ts'

export interface ServerAddress {
  readonly url: string
  readonly key: string | undefined
  readonly timeoutMs?: number
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * Calls a percall server and gives back the JSON that it answers. With a body it is a POST.
 * @throws ServiceError of the server's own code, or `server_unreachable`
 */
export async function callServer(
  { url, key, timeoutMs = 60_000, headers = {} }: ServerAddress,
  path: string,
  body?: unknown,
): Promise<unknown> {
  const response = await reachServer(url, path, {
    key,
    headers,
    ...(body !== undefined && { method: 'POST', body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(timeoutMs),
  })
  const answer: unknown = await response.json().catch(() => undefined)
  if (response.ok && answer !== undefined) return answer
  throw serverError(answer, `${url} answered ${response.status}.`)
}

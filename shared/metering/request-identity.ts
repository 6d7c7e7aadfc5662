import { createHash } from 'node:crypto'
import { ServiceError } from '#shared/errors/service-error.ts'

export interface IdentitySource {
  readonly tenant: string
  /** The answers of test calls are free, so no live call may get one. */
  readonly mode: 'live' | 'test'
  /** Whose retries are counted. */
  readonly keyId: string
  readonly request: {
    readonly method: string
    readonly path: string
    readonly query: Readonly<Record<string, string>>
    /** Names in lower case. */
    readonly headers: Readonly<Record<string, string | undefined>>
    readonly body: Uint8Array
  }
  readonly newId: () => string
}

export interface RequestIdentity {
  readonly requestKey: string
  readonly fingerprint: string
  /** Whether the caller has named it; else nobody but a counted retry can ask for it again. */
  readonly keyed: boolean
  readonly retry: { readonly pointer: string; readonly count: number } | undefined
}

/**
 * How a request is recognised when it comes again. The key's scope is (tenant, mode, route, key), as the
 * Internet-Draft "The Idempotency-Key HTTP Header Field" leaves to the server; the fingerprint is
 * taken of the bytes as they were sent.
 * @throws ServiceError `idempotency_key_invalid`
 */
export function identifyRequest(source: IdentitySource): RequestIdentity {
  const { tenant, mode, keyId, request } = source
  const { method, path, query, headers, body } = request
  const contentType = headers['content-type'] ?? ''
  const idempotencyKey = headers['idempotency-key']
  const retryCount = headers['x-stainless-retry-count']
  if (idempotencyKey !== undefined && !/^[\x20-\x7e]{1,255}$/.test(idempotencyKey)) {
    throw new ServiceError('idempotency_key_invalid')
  }
  const fingerprint = hash([method, path, JSON.stringify(query), contentType], body)
  const countsRetries = idempotencyKey === undefined && /^\d{1,3}$/.test(retryCount ?? '')
  return {
    requestKey:
      idempotencyKey === undefined
        ? `call-${source.newId()}`
        : hash([tenant, mode, method, path, idempotencyKey]),
    fingerprint,
    keyed: idempotencyKey !== undefined,
    retry: countsRetries
      ? { pointer: hash([tenant, keyId, fingerprint]), count: Number(retryCount) }
      : undefined,
  }
}

function hash(words: readonly string[], body?: Uint8Array): string {
  const digest = createHash('sha256').update(JSON.stringify(words))
  return (body ? digest.update(body) : digest).digest('hex')
}

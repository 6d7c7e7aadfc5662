import type { JWTVerifyGetKey } from 'jose/jwt/verify'
import { ServiceError } from '#shared/errors/service-error.ts'
import { fetchJson } from './fetch-json.ts'

export interface IssuerKeysOptions {
  /** The `iss` of the tokens; its discovery document names where the keys are. */
  readonly issuer: string
  /** After this time the keys are fetched again. */
  readonly maxAgeMs?: number
  /** How old they may become while the issuer does not answer. */
  readonly maxStaleMs?: number
  /** Least time between two fetches, however many tokens name a key that is not known. */
  readonly cooldownMs?: number
  /** The same after a fetch that failed. */
  readonly retryMs?: number
  readonly timeoutMs?: number
  readonly maxBytes?: number
  readonly now?: () => number
}

/**
 * The public keys of an OpenID Connect issuer, fetched when first needed and again when they are
 * old or a token names one that is not among them.
 *
 * https://openid.net/specs/openid-connect-discovery-1_0.html
 */
export function createIssuerKeys(options: IssuerKeysOptions): JWTVerifyGetKey {
  const { issuer, maxAgeMs = 600_000, maxStaleMs = 3_600_000, cooldownMs = 30_000 } = options
  const { retryMs = 5_000, timeoutMs = 3_000, maxBytes = 262_144, now = Date.now } = options
  let known: { readonly find: JWTVerifyGetKey; readonly fetchedAt: number } | undefined
  let failed: ServiceError | undefined
  let triedAt = Number.NEGATIVE_INFINITY
  let pending: Promise<void> | undefined

  async function load(): Promise<void> {
    triedAt = now()
    try {
      const limits = { timeoutMs, maxBytes }
      const keySet = await fetchJson(await discover(issuer, limits), limits)
      const { createLocalJWKSet } = await import('jose/jwks/local')
      // The cast asserts nothing: jose refuses what is not a key set.
      known = { find: createLocalJWKSet(keySet as { keys: [] }), fetchedAt: triedAt }
      failed = undefined
    } catch (cause) {
      const retryAfterSeconds = Math.ceil(retryMs / 1_000)
      failed = new ServiceError('issuer_unavailable', { cause, retryAfterSeconds })
      throw failed
    }
  }

  function refresh(): Promise<void> {
    pending ??= load().finally(() => {
      pending = undefined
    })
    return pending
  }

  const coolingDown = () =>
    pending === undefined && now() < triedAt + (failed ? retryMs : cooldownMs)
  const isYoungerThan = (ageMs: number) => known !== undefined && now() < known.fetchedAt + ageMs

  return async (header, token) => {
    // A failure matters only where there are no usable keys from before.
    if (!isYoungerThan(maxAgeMs) && !coolingDown()) await refresh().catch(() => {})
    if (!known || !isYoungerThan(maxStaleMs)) throw failed
    try {
      return await known.find(header, token)
    } catch (error) {
      if (!isUnknownKey(error) || coolingDown()) throw error
      await refresh()
      return known.find(header, token)
    }
  }
}

const isUnknownKey = (error: unknown) =>
  error instanceof Error && 'code' in error && error.code === 'ERR_JWKS_NO_MATCHING_KEY'

async function discover(issuer: string, limits: { timeoutMs: number; maxBytes: number }) {
  const url = new URL(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`)
  const found: { issuer?: unknown; jwks_uri?: unknown } = Object(await fetchJson(url, limits))
  if (found.issuer !== issuer) throw new Error(`${url} speaks for another issuer.`)
  const keysUrl = new URL(String(found.jwks_uri))
  if (keysUrl.protocol !== url.protocol) throw new Error(`${url} names keys under another scheme.`)
  return keysUrl
}

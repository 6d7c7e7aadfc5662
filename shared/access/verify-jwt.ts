import type { JWTPayload } from 'jose'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { Caller } from './caller.ts'
import { createIssuerKeys, type IssuerKeysOptions } from './issuer-keys.ts'
import { isScope } from './scopes.ts'

/** Signatures with a public key only: no `none`, and no HS256, whose key could be a public one. */
const jwtAlgorithms = ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA'] as const
type JwtAlgorithm = (typeof jwtAlgorithms)[number]

export interface JwtOptions extends IssuerKeysOptions {
  /** The `aud` that tokens for this service carry. */
  readonly audience: string
  readonly algorithms?: readonly JwtAlgorithm[]
  /** Counted from `iat`, whatever `exp` allows. */
  readonly maxTokenAgeSeconds?: number
  readonly clockToleranceSeconds?: number
  /** The claim that names the tenant. There is no other source and no fallback. */
  readonly tenantClaim?: string
}

export type VerifyJwt = (token: string) => Promise<Caller>

const maxTokenLength = 8_192
/** Becomes part of store keys. */
const tenantPattern = /^[A-Za-z0-9._:@|-]{1,128}$/

/**
 * Takes tokens of one OpenID Connect issuer. It throws `token_expired` or `token_invalid`, without
 * a word to the caller on what was wrong, and `issuer_unavailable` where the issuer's keys cannot
 * be had.
 */
export function createJwtVerifier(options: JwtOptions): VerifyJwt {
  const { issuer, audience, algorithms = jwtAlgorithms, tenantClaim = 'sub' } = options
  const { maxTokenAgeSeconds = 86_400, clockToleranceSeconds = 30, now = Date.now } = options
  if (!algorithms.every((algorithm) => jwtAlgorithms.includes(algorithm))) {
    const detail = `The algorithms of tokens are among ${jwtAlgorithms.join(', ')}.`
    throw new ServiceError('configuration_invalid', { detail })
  }
  const issuerKeys = createIssuerKeys(options)

  return async (token) => {
    if (token.length > maxTokenLength) throw new ServiceError('token_invalid')
    // Loaded by the first token: where there are only API keys, nobody waits for it.
    const { jwtVerify } = await import('jose/jwt/verify')
    try {
      const { payload } = await jwtVerify(token, issuerKeys, {
        algorithms: [...algorithms],
        issuer,
        audience,
        maxTokenAge: maxTokenAgeSeconds,
        clockTolerance: clockToleranceSeconds,
        requiredClaims: ['exp'],
        currentDate: new Date(now()),
      })
      return toCaller(payload, tenantClaim)
    } catch (cause) {
      if (cause instanceof ServiceError) throw cause
      const expired = cause instanceof Error && 'code' in cause && cause.code === 'ERR_JWT_EXPIRED'
      throw new ServiceError(expired ? 'token_expired' : 'token_invalid', { cause })
    }
  }
}

function toCaller(claims: JWTPayload, tenantClaim: string): Caller {
  const tenant = claims[tenantClaim]
  if (typeof tenant !== 'string' || !tenantPattern.test(tenant) || typeof claims.sub !== 'string') {
    throw new ServiceError('token_invalid')
  }
  return {
    method: 'jwt',
    mode: 'live',
    tenant,
    subject: claims.sub,
    scopes: scopeNames(claims.scope ?? claims.scp).filter(isScope),
  }
}

/** RFC 9068 writes one string with spaces; some issuers write `scp`, a string or a list. */
const scopeNames = (claim: unknown): string[] => {
  if (typeof claim === 'string') return claim.split(' ')
  return Array.isArray(claim) ? claim.filter((name) => typeof name === 'string') : []
}

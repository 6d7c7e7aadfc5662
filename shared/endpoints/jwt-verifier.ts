import type { VerifyJwt } from '#shared/access/verify-jwt.ts'
import type { Environment } from '#shared/config/environment.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { lazily } from './lazily.ts'

/** Takes the tokens of `PERCALL_JWT_ISSUER`; the code for it is loaded by the first token. */
export function jwtVerifier(environment: Environment): VerifyJwt | undefined {
  const {
    PERCALL_JWT_ISSUER: issuer,
    PERCALL_JWT_AUDIENCE: audience,
    PERCALL_JWT_TENANT_CLAIM: tenantClaim,
  } = environment
  if (issuer === undefined) return undefined
  if (audience === undefined) {
    throw new ServiceError('configuration_invalid', {
      detail: 'PERCALL_JWT_ISSUER needs PERCALL_JWT_AUDIENCE beside it.',
    })
  }
  const verifier = lazily(async () => {
    const { createJwtVerifier } = await import('#shared/access/verify-jwt.ts')
    return createJwtVerifier({
      issuer,
      audience,
      ...(tenantClaim !== undefined && { tenantClaim }),
    })
  })
  return async (token) => (await verifier())(token)
}

import type { VerifyJwt } from '#shared/access/verify-jwt.ts'
import type { Environment } from '#shared/config/environment.ts'
import { ServiceError } from '#shared/errors/service-error.ts'

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
  let verifier: Promise<VerifyJwt> | undefined
  return async (token) => {
    verifier ??= import('#shared/access/verify-jwt.ts').then(({ createJwtVerifier }) =>
      createJwtVerifier({ issuer, audience, ...(tenantClaim !== undefined && { tenantClaim }) }),
    )
    return (await verifier)(token)
  }
}

import { ServiceError } from '#shared/errors/service-error.ts'
import type { Caller } from './caller.ts'
import type { KeyRecord } from './key-store.ts'

/**
 * Who calls with a key.
 * @throws ServiceError `api_key_revoked`, `api_key_expired`
 */
export function keyCaller(record: KeyRecord, now: number): Caller {
  const { id, tenant, mode, scopes, project, limits, models, allowedIps, countedAs } = record
  const { revokedAt, expiresAt } = record
  if (revokedAt !== undefined) throw new ServiceError('api_key_revoked')
  if (expiresAt !== undefined && expiresAt <= now) throw new ServiceError('api_key_expired')
  return {
    method: 'api-key',
    keyId: id,
    tenant,
    mode,
    scopes,
    ...(project !== undefined && { project }),
    ...(limits && { limits }),
    ...(models && { models }),
    ...(allowedIps && { allowedIps }),
    ...(countedAs !== undefined && { countedAs }),
    ...(expiresAt !== undefined && { expiresAt }),
  }
}

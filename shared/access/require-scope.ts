import { ServiceError } from '#shared/errors/service-error.ts'
import type { Caller } from './caller.ts'
import type { Scope } from './scopes.ts'

/** @throws ServiceError `scope_missing` unless the caller has the scope, or `admin`, which implies all */
export function requireScope(caller: Pick<Caller, 'scopes'>, scope: Scope): void {
  if (caller.scopes.includes(scope) || caller.scopes.includes('admin')) return
  throw new ServiceError('scope_missing', { detail: `This call needs the scope "${scope}".` })
}

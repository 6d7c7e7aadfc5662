import { ServiceError } from '#shared/errors/service-error.ts'
import type { Caller } from './caller.ts'

/**
 * Whether a key is one that the caller could have at all: its scopes are among his own, and a test
 * key has to do with test keys only. That is what it takes to end one, which gives nobody anything.
 * @throws ServiceError `scope_missing`
 */
export function requireReach(
  { scopes: own, mode: ownMode }: Pick<Caller, 'scopes' | 'mode'>,
  { scopes, mode }: { readonly scopes: readonly string[]; readonly mode: Caller['mode'] },
): void {
  if (own.includes('admin')) return
  const names: readonly string[] = own
  const scope = scopes.find((name) => !names.includes(name))
  if (scope !== undefined) throw beyond(`the scope "${scope}"`)
  if (ownMode === 'test' && mode !== 'test') throw beyond('the mode "live"')
}

/** The refusal of what goes beyond the caller's own rights. */
export const beyond = (excess: string): ServiceError =>
  new ServiceError('scope_missing', {
    detail: `Without the scope "admin" a key cannot grant more than it has itself: ${excess}.`,
  })

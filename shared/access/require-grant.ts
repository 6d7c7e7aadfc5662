import { ServiceError } from '#shared/errors/service-error.ts'
import type { CallLimits } from '#shared/metering/ledger.ts'
import type { Caller } from './caller.ts'
import type { KeyChanges, KeySummary } from './key-store.ts'

/** What a key allows; its id where it exists already. */
export type KeyRights = Pick<Caller, 'mode' | 'project' | 'limits' | 'models'> & {
  readonly scopes: readonly string[]
  readonly id?: KeySummary['id']
}

/**
 * Nobody hands out, or keeps, more than he has. Without `admin` a caller makes, rotates and changes
 * only keys
 *
 * - whose scopes are among his own,
 * - whose models are on his list, if he has one,
 * - of mode test, if his own is,
 * - of his project, if he has one,
 * - with a limit no higher than his own, wherever he is limited,
 *
 * and never the limits or models of his own key. With `changes`, the key must be within that as it
 * is and as it will be.
 * @throws ServiceError `scope_missing` with what goes too far
 */
export function requireGrant(caller: Caller, key: KeyRights, changes?: KeyChanges): void {
  if (caller.scopes.includes('admin')) return
  const excess =
    changes && isOwn(caller, key)
      ? 'its own limits and models'
      : (excessOf(caller, key) ?? (changes && excessOf(caller, changed(key, changes))))
  if (excess === undefined) return
  const detail = `Without the scope "admin" a key cannot grant more than it has itself: ${excess}.`
  throw new ServiceError('scope_missing', { detail })
}

const isOwn = (caller: Caller, { id }: KeyRights) =>
  caller.method === 'api-key' && caller.keyId === id

const changed = (key: KeyRights, { limits, models }: KeyChanges): KeyRights => ({
  ...key,
  ...(limits !== undefined && { limits: limits ?? undefined }),
  ...(models !== undefined && { models: models ?? undefined }),
})

/** The first thing that the caller does not have himself. */
function excessOf(caller: Caller, { scopes, mode, models, project, limits }: KeyRights) {
  const own: readonly string[] = caller.scopes
  const scope = scopes.find((name) => !own.includes(name))
  if (scope !== undefined) return `the scope "${scope}"`
  if (caller.mode === 'test' && mode !== 'test') return 'the mode "live"'
  const allowed = caller.models
  if (allowed && !models?.every((name) => allowed.includes(name))) {
    return 'models that it may not call'
  }
  if (caller.project !== undefined && project !== caller.project)
    return 'another project than its own'
  const given = caps(limits)
  const higher = caps(caller.limits).findIndex(([, cap], at) => {
    const wanted = given[at]?.[1]
    // Absent is unlimited.
    return cap !== undefined && (wanted === undefined || wanted > cap)
  })
  return given[higher] && `a higher limit of ${given[higher][0]}`
}

const caps = ({ monthlySpend, dailyCalls, concurrency, rate }: CallLimits = {}) =>
  [
    ['money a month', monthlySpend],
    ['calls a day', dailyCalls],
    ['calls at a time', concurrency],
    ['calls a minute', rate?.perMinute],
    ['calls at once', rate?.burst],
  ] as const

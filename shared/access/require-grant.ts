import type { CallLimits } from '#shared/metering/ledger.ts'
import { addressRanges } from './address-ranges.ts'
import type { Caller } from './caller.ts'
import type { KeyChanges, KeySummary } from './key-store.ts'
import { beyond, requireReach } from './require-reach.ts'

/** What a key allows; its id where it exists already. */
export type KeyRights = Pick<Caller, 'mode' | 'project' | 'models' | 'allowedIps'> & {
  readonly scopes: readonly string[]
  readonly id?: KeySummary['id']
}

/**
 * Nobody hands out, or keeps, more than he has. Without `admin` a caller makes, rotates and changes
 * only keys
 *
 * - whose scopes are among his own,
 * - whose models and addresses are on his list, if he has one,
 * - of mode test, if his own is,
 * - of his project, if he has one,
 *
 * and none at all where he has limits of his own: another key would not count towards them. His own
 * key he may rotate, since the new one goes on with its counters, and never change. With `changes`,
 * the key must be within all that as it is and as it will be.
 * @throws ServiceError `scope_missing` with what goes too far
 */
export function requireGrant(caller: Caller, key: KeyRights, changes?: KeyChanges): void {
  if (caller.scopes.includes('admin')) return
  if (caller.method === 'api-key' && caller.keyId === key.id) {
    if (changes) throw beyond('its own limits, models and addresses')
    return
  }
  requireReach(caller, key)
  const excess = excessOf(caller, key) ?? (changes && excessOf(caller, changed(key, changes)))
  if (excess !== undefined) throw beyond(excess)
}

const changed = (key: KeyRights, { models, allowedIps }: KeyChanges): KeyRights => ({
  ...key,
  ...(models !== undefined && { models: models ?? undefined }),
  ...(allowedIps !== undefined && { allowedIps: allowedIps ?? undefined }),
})

/** The first thing that the caller does not have himself. */
function excessOf(caller: Caller, { models, allowedIps, project }: KeyRights) {
  if (isLimited(caller.limits)) return 'calls that do not count towards its limits'
  const { models: own, allowedIps: ranges } = caller
  if (own && !models?.every((name) => own.includes(name))) return 'models that it may not call'
  if (ranges && !(allowedIps && addressRanges.within(allowedIps, ranges))) {
    return 'addresses that it may not be used from'
  }
  if (caller.project !== undefined && project !== caller.project) {
    return 'another project than its own'
  }
  return undefined
}

const isLimited = (limits: CallLimits = {}) =>
  Object.values(limits).some((limit) => limit !== undefined)

import { createKeyManager, type MadeKey } from '#shared/access/manage-keys.ts'
import { requireGrant } from '#shared/access/require-grant.ts'
import { requireReach } from '#shared/access/require-reach.ts'
import { accountAnswers } from '#shared/protocols/account-answers.ts'
import { keyChanges, newKey, ofTenant, rotation } from '#shared/protocols/account-requests.ts'
import { jsonResponse } from '#shared/protocols/http-message.ts'
import { type AccountCall, accountAction, tenantOf } from './account-action.ts'
import type { Services } from './services.ts'

/**
 * The keys of the caller's tenant, or of the one that an administrator names. What may be done with
 * which key is `requireGrant`'s to say.
 */
export function keyActions(services: Services) {
  const { keyStore, pepper, oldPepper } = services
  const managerOf = (tenant: string) => createKeyManager({ keyStore, pepper, oldPepper, tenant })
  /** To others the keys of a tenant do not exist. */
  const managerOfKey = (call: AccountCall, tenant: string | undefined) =>
    managerOf(tenantOf(call, tenant, 'key_not_found'))
  /** A key that expires makes none that outlives it. */
  const requestOf = ({ caller, idempotencyKey }: AccountCall) => ({
    idempotencyKey,
    latestExpiry: caller.scopes.includes('admin') ? undefined : caller.expiresAt,
  })
  const created = ({ key, summary }: MadeKey) =>
    jsonResponse({ key, ...accountAnswers.key(summary) }, 201)

  return {
    keys: accountAction(services, {
      schema: ofTenant,
      async run({ tenant }, call) {
        const keys = await managerOf(tenantOf(call, tenant, 'resource_not_found')).list()
        return { data: keys.map(accountAnswers.key) }
      },
    }),
    'create-key': accountAction(services, {
      schema: newKey,
      run({ tenant, expires_in_days, allowed_ips, ...rest }, call) {
        const manager = managerOf(tenantOf(call, tenant))
        const wanted = { ...rest, expiresInDays: expires_in_days, allowedIps: allowed_ips }
        requireGrant(call.caller, wanted)
        return manager.create(wanted, requestOf(call))
      },
      encode: created,
    }),
    key: accountAction(services, {
      schema: ofTenant,
      run: async ({ tenant }, call) =>
        accountAnswers.key(await managerOfKey(call, tenant).find(call.id)),
    }),
    'change-key': accountAction(services, {
      schema: keyChanges,
      async run({ tenant, allowed_ips: allowedIps, ...rest }, call) {
        const manager = managerOfKey(call, tenant)
        const changes = { ...rest, allowedIps }
        requireGrant(call.caller, await manager.find(call.id), changes)
        return accountAnswers.key(await manager.change(call.id, changes))
      },
    }),
    'revoke-key': accountAction(services, {
      schema: ofTenant,
      async run({ tenant }, call) {
        const manager = managerOfKey(call, tenant)
        requireReach(call.caller, await manager.find(call.id))
        return accountAnswers.key(await manager.revoke(call.id))
      },
    }),
    'rotate-key': accountAction(services, {
      schema: rotation,
      async run({ tenant, overlap_seconds: overlapSeconds }, call) {
        const manager = managerOfKey(call, tenant)
        requireGrant(call.caller, await manager.find(call.id))
        return manager.rotate(call.id, { ...requestOf(call), overlapSeconds })
      },
      encode: created,
    }),
  }
}

import { createKeyManager, type MadeKey } from '#shared/access/manage-keys.ts'
import { requireGrant } from '#shared/access/require-grant.ts'
import { accountAnswers } from '#shared/protocols/account-answers.ts'
import { keyChanges, newKey, nothing, rotation } from '#shared/protocols/account-requests.ts'
import { jsonResponse } from '#shared/protocols/http-message.ts'
import { type AccountCall, accountAction, tenantOf } from './account-action.ts'
import type { Services } from './services.ts'

/**
 * The keys of the caller's tenant; administrators make keys for others too. What may be done with
 * which key is `requireGrant`'s to say.
 */
export function keyActions(services: Services) {
  const { keyStore, pepper } = services
  const managerOf = ({ tenant }: Pick<AccountCall, 'tenant'>) =>
    createKeyManager({ keyStore, pepper, tenant })
  const created = ({ key, summary }: MadeKey) =>
    jsonResponse({ key, ...accountAnswers.key(summary) }, 201)

  return {
    keys: accountAction(services, {
      schema: nothing,
      run: async (_, call) => ({ data: (await managerOf(call).list()).map(accountAnswers.key) }),
    }),
    'create-key': accountAction(services, {
      schema: newKey,
      run({ tenant: named, expires_in_days, ...wanted }, call) {
        const tenant = tenantOf(call, named)
        requireGrant(call.caller, wanted)
        return managerOf({ tenant }).create({ ...wanted, expiresInDays: expires_in_days }, call)
      },
      encode: created,
    }),
    key: accountAction(services, {
      schema: nothing,
      run: async (_, call) => accountAnswers.key(await managerOf(call).find(call.id)),
    }),
    'change-key': accountAction(services, {
      schema: keyChanges,
      async run(changes, call) {
        const manager = managerOf(call)
        requireGrant(call.caller, await manager.find(call.id), changes)
        return accountAnswers.key(await manager.change(call.id, changes))
      },
    }),
    'revoke-key': accountAction(services, {
      schema: nothing,
      async run(_, call) {
        const manager = managerOf(call)
        const { scopes, mode } = await manager.find(call.id)
        // To end a key gives nobody anything: only its scopes and mode must be the caller's too.
        requireGrant(call.caller, { ...call.caller, scopes, mode })
        return accountAnswers.key(await manager.revoke(call.id))
      },
    }),
    'rotate-key': accountAction(services, {
      schema: rotation,
      async run({ overlap_seconds }, call) {
        const manager = managerOf(call)
        requireGrant(call.caller, await manager.find(call.id))
        const { idempotencyKey } = call
        return manager.rotate(call.id, { overlapSeconds: overlap_seconds, idempotencyKey })
      },
      encode: created,
    }),
  }
}

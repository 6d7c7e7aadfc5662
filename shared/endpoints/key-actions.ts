import { createKeyManager, type MadeKey } from '#shared/access/manage-keys.ts'
import { requireScope } from '#shared/access/require-scope.ts'
import { accountAnswers } from '#shared/protocols/account-answers.ts'
import { keyChanges, newKey, nothing, rotation } from '#shared/protocols/account-requests.ts'
import { jsonResponse } from '#shared/protocols/http-message.ts'
import { type AccountCall, accountAction } from './account-action.ts'
import type { Services } from './services.ts'

/** The keys of the caller's tenant. */
export function keyActions(services: Services) {
  const { keyStore, pepper } = services
  const managerOf = ({ tenant }: AccountCall) => createKeyManager({ keyStore, pepper, tenant })
  const created = ({ key, summary }: MadeKey) =>
    jsonResponse({ key, ...accountAnswers.key(summary) }, 201)

  return {
    keys: accountAction(services, {
      schema: nothing,
      run: async (_, call) => ({ data: (await managerOf(call).list()).map(accountAnswers.key) }),
    }),
    'create-key': accountAction(services, {
      schema: newKey,
      run({ expires_in_days, ...wanted }, call) {
        // Nobody hands out more than he has.
        if (wanted.scopes.includes('admin')) requireScope(call.caller, 'admin')
        return managerOf(call).create({ ...wanted, expiresInDays: expires_in_days }, call)
      },
      encode: created,
    }),
    key: accountAction(services, {
      schema: nothing,
      run: async (_, call) => accountAnswers.key(await managerOf(call).find(call.id)),
    }),
    'change-key': accountAction(services, {
      schema: keyChanges,
      run: async (changes, call) =>
        accountAnswers.key(await managerOf(call).change(call.id, changes)),
    }),
    'revoke-key': accountAction(services, {
      schema: nothing,
      run: async (_, call) => accountAnswers.key(await managerOf(call).revoke(call.id)),
    }),
    'rotate-key': accountAction(services, {
      schema: rotation,
      async run({ overlap_seconds }, call) {
        const manager = managerOf(call)
        const { scopes } = await manager.find(call.id)
        if (scopes.includes('admin')) requireScope(call.caller, 'admin')
        const { idempotencyKey } = call
        return manager.rotate(call.id, { overlapSeconds: overlap_seconds, idempotencyKey })
      },
      encode: created,
    }),
  }
}

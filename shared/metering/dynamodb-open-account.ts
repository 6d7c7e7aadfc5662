import { attributes } from '#shared/aws/dynamodb-attributes.ts'
import type { DynamodbItem } from '#shared/aws/dynamodb-client.ts'
import type { WriteAction } from '#shared/aws/dynamodb-write.ts'
import { accountItem } from './dynamodb-account-item.ts'
import type { LedgerActions } from './dynamodb-ledger-actions.ts'
import { ledgerKeys } from './dynamodb-ledger-keys.ts'
import type { AccountSettings } from './ledger.ts'

const { number } = attributes

/**
 * Makes an account or changes its settings, if it is as it was seen: the account, its name in the list
 * of tenants, and the shards that are new. No shard ever goes: of fewer the others keep their money
 * until somebody needs it.
 *
 * @param standing the account's item; `undefined` where there was none
 */
export function openAccount(
  actions: LedgerActions,
  settings: AccountSettings,
  standing: DynamodbItem | undefined,
): readonly [WriteAction, ...WriteAction[]] {
  const { tenant, shards = 1 } = settings
  const before = standing ? accountItem.mostShards(standing) : 1
  const most = Math.max(before, shards)
  const account = actions.open(tenant, {
    ...accountItem.fromSettings(settings),
    mostShards: number(most),
  })
  return [
    standing
      ? {
          ...account,
          condition: '#mostShards = :before',
          values: { ...account.values, ':before': number(before) },
        }
      : { ...account, condition: 'attribute_not_exists(#pk)' },
    actions.put(ledgerKeys.tenant(tenant)),
    ...Array.from({ length: most - before }, (_, index) =>
      actions.put(
        { ...ledgerKeys.balance(tenant, before + index), ...nothing },
        'attribute_not_exists(#pk)',
      ),
    ),
  ]
}

const nothing: DynamodbItem = { available: number(0), held: number(0), spent: number(0) }

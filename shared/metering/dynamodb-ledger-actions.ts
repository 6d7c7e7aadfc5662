import { attributes } from '#shared/aws/dynamodb-attributes.ts'
import type { DynamodbItem } from '#shared/aws/dynamodb-client.ts'
import type { WriteAction } from '#shared/aws/dynamodb-write.ts'
import type { Balance } from './dynamodb-account-item.ts'
import { ledgerKeys } from './dynamodb-ledger-keys.ts'
import type { Micros } from './money.ts'

const { number } = attributes

export type LedgerActions = ReturnType<typeof ledgerActions>

/** The writes of the ledger's transactions, for one table. */
export const ledgerActions = (table: string) => ({
  put: (item: DynamodbItem, condition?: string, values?: DynamodbItem): WriteAction => ({
    table,
    target: { put: item },
    ...(condition && { condition }),
    ...(values && { values }),
  }),

  /** Sets these attributes and removes those, if `condition` holds. */
  set: (
    key: DynamodbItem,
    changes: DynamodbItem,
    {
      remove,
      condition,
      values = {},
    }: { remove?: string; condition?: string; values?: DynamodbItem },
  ): WriteAction => ({
    table,
    target: { update: key },
    update: `SET ${Object.keys(changes).map((name) => `#${name} = :${name}`)}${remove ? ` REMOVE #${remove}` : ''}`,
    ...(condition && { condition }),
    values: { ...prefixed(changes), ...values },
  }),

  /**
   * Adds to each part of a shard. What becomes less must be there: no part is ever negative.
   * Nothing at all where nothing moves and nothing has to be unchanged.
   */
  move(
    tenant: string,
    shard: number,
    by: Partial<Balance>,
    unchanged: DynamodbItem = {},
  ): readonly WriteAction[] {
    const watched = Object.keys(unchanged).length > 0
    const moved = Object.entries(by).filter(([, amount]) => amount !== 0n)
    if (moved.length === 0 && !watched) return []
    const parts: [string, Micros][] = moved.length > 0 ? moved : [['available', 0n]]
    const less = parts.filter(([, amount]) => amount < 0n)
    const conditions = [
      'attribute_exists(#pk)',
      ...less.map(([part]) => `#${part} >= :least_${part}`),
      ...Object.keys(unchanged).map((name) => `#${name} = :same_${name}`),
    ]
    return [
      {
        table,
        target: { update: ledgerKeys.balance(tenant, shard) },
        update: `SET ${parts.map(([part]) => `#${part} = #${part} + :${part}`)}`,
        condition: conditions.join(' AND '),
        values: {
          ...Object.fromEntries(parts.map(([part, amount]) => [`:${part}`, number(amount)])),
          ...Object.fromEntries(less.map(([part, amount]) => [`:least_${part}`, number(-amount)])),
          ...prefixed(unchanged, 'same_'),
        },
      },
    ]
  },

  /** Sets an account's settings; its balance begins at nothing and is not touched later. */
  open: (tenant: string, settings: DynamodbItem): WriteAction => ({
    table,
    target: { update: ledgerKeys.account(tenant) },
    update: `SET ${[
      ...Object.keys(settings).map((name) => `#${name} = :${name}`),
      ...['available', 'held', 'spent'].map(
        (part) => `#${part} = if_not_exists(#${part}, :nothing)`,
      ),
    ]}`,
    values: { ...prefixed(settings), ':nothing': number(0) },
  }),

  /** Adds to what was refunded of a charge, if it stays within the charge. */
  refund(tenant: string, chargeId: string, amount: Micros, charged: Micros): WriteAction {
    // Conditions have no arithmetic, so what may be refunded before is computed here.
    const most = charged - amount
    return {
      table,
      target: { update: ledgerKeys.refunds(tenant, chargeId) },
      update: 'ADD #refunded :amount',
      // What does not exist is 0, and 0 may be too much already.
      condition: `#refunded <= :most${most < 0n ? '' : ' OR attribute_not_exists(#refunded)'}`,
      values: { ':amount': number(amount), ':most': number(most) },
    }
  },
})

const prefixed = (item: DynamodbItem, prefix = ''): DynamodbItem =>
  Object.fromEntries(Object.entries(item).map(([name, value]) => [`:${prefix}${name}`, value]))

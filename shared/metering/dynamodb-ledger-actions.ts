import { attributes } from '#shared/aws/dynamodb-attributes.ts'
import type { DynamodbItem } from '#shared/aws/dynamodb-client.ts'
import type { WriteAction } from '#shared/aws/dynamodb-write.ts'
import { ledgerKeys } from './dynamodb-ledger-keys.ts'
import type { CounterHold } from './ledger.ts'
import type { Micros } from './money.ts'

export interface BalanceMove {
  readonly available?: Micros
  readonly held?: Micros
  readonly spent?: Micros
}

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
   * Adds to each part of a balance. What becomes less must be there: no part is ever negative.
   * Nothing at all where nothing moves.
   */
  move(tenant: string, by: BalanceMove, unchanged: DynamodbItem = {}): readonly WriteAction[] {
    const parts = Object.entries(by).filter(([, amount]: [string, Micros]) => amount !== 0n)
    if (parts.length === 0) return []
    const less = parts.filter(([, amount]) => amount < 0n)
    const conditions = [
      'attribute_exists(#pk)',
      ...less.map(([part]) => `#${part} >= :least_${part}`),
      ...Object.keys(unchanged).map((name) => `#${name} = :same_${name}`),
    ]
    return [
      {
        table,
        target: { update: ledgerKeys.account(tenant) },
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

  /** Adds to a counter, if it stays within the limit. */
  count: ({ id, amount, limit }: CounterHold): WriteAction =>
    add(table, ledgerKeys.counter(id), 'used', amount, limit),

  /** Takes from a counter what it was given. */
  uncount: (id: string, amount: bigint): WriteAction => ({
    table,
    target: { update: ledgerKeys.counter(id) },
    update: 'SET #used = #used - :amount',
    condition: '#used >= :amount',
    values: { ':amount': number(amount) },
  }),

  /** Adds to what was refunded of a charge, if it stays within the charge. */
  refund: (tenant: string, chargeId: string, amount: Micros, charged: Micros): WriteAction =>
    add(table, ledgerKeys.refunds(tenant, chargeId), 'refunded', amount, charged),
})

/** Conditions have no arithmetic, so what may be used before is computed here: limit - amount. */
function add(
  table: string,
  key: DynamodbItem,
  name: string,
  amount: bigint,
  limit: bigint | undefined,
): WriteAction {
  const most = limit === undefined ? undefined : limit - amount
  return {
    table,
    target: { update: key },
    update: `SET #${name} = if_not_exists(#${name}, :nothing) + :amount`,
    ...(most !== undefined && {
      // What does not exist is 0, and 0 may be too much already.
      condition: `#${name} <= :most${most < 0n ? '' : ` OR attribute_not_exists(#${name})`}`,
    }),
    values: {
      ':nothing': number(0),
      ':amount': number(amount),
      ...(most !== undefined && { ':most': number(most) }),
    },
  }
}

const { number } = attributes

const prefixed = (item: DynamodbItem, prefix = ''): DynamodbItem =>
  Object.fromEntries(Object.entries(item).map(([name, value]) => [`:${prefix}${name}`, value]))

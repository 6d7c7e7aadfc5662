import { createHash } from 'node:crypto'
import { attributes } from '#shared/aws/dynamodb-attributes.ts'
import type { DynamodbItem } from '#shared/aws/dynamodb-client.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { accountItem } from './dynamodb-account-item.ts'
import { entryItem } from './dynamodb-entry-item.ts'
import { ledgerActions } from './dynamodb-ledger-actions.ts'
import { ledgerKeys } from './dynamodb-ledger-keys.ts'
import type { LedgerTable, Step } from './dynamodb-ledger-table.ts'
import { isSameEntry } from './is-same-entry.ts'
import type { Ledger, LedgerEntry, SellOutcome } from './ledger.ts'

const { readText } = attributes

/**
 * The transaction behind `Ledger.sell`: 5 units, two for the entry, one for its index, two for the
 * balance. An account that becomes prepaid after the look was charged just before it did.
 */
export function createSell(table: LedgerTable): Ledger['sell'] {
  const actions = ledgerActions(table.name)

  return (charge) => {
    const { tenant, id, type, amount } = charge
    if (type !== 'charge') throw new ServiceError('internal', { detail: 'Only charges are sold.' })
    return table.transact<SellOutcome>(async () => {
      const item = await table.get(ledgerKeys.account(tenant))
      if (!item) return { outcome: { kind: 'no-account' } }
      const { mode, currency, shards = 1 } = accountItem.toSettings(tenant, item)
      if (mode !== 'postpaid' || currency !== charge.currency) {
        const standing = await table.get(ledgerKeys.entry(tenant, id))
        if (standing) return { outcome: outcomeOf(standing, charge) }
        if (mode !== 'postpaid') return { outcome: { kind: 'not-postpaid' } }
        return { outcome: { kind: 'currency-mismatch', currency } }
      }
      const steps: Step<SellOutcome>[] = [
        {
          action: actions.put(entryItem.fromEntry(charge), 'attribute_not_exists(#pk)'),
          refused: (standing) => standing && outcomeOf(standing, charge),
        },
        ...actions
          .move(tenant, shardOf(id, shards), { spent: amount })
          .map((action) => ({ action, refused: () => undefined })),
      ]
      return { steps, done: async () => ({ kind: 'sold' }) }
    })
  }
}

function outcomeOf(standing: DynamodbItem, charge: LedgerEntry): SellOutcome {
  const entry = entryItem.toEntry(charge.tenant, readText(standing, 'position'), standing)
  return { kind: isSameEntry(entry, charge) ? 'sold' : 'conflict' }
}

const shardOf = (id: string, shards: number) =>
  createHash('sha256').update(id).digest().readUInt32BE() % shards

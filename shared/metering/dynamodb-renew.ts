import { attributes } from '#shared/aws/dynamodb-attributes.ts'
import { ledgerActions } from './dynamodb-ledger-actions.ts'
import { ledgerKeys } from './dynamodb-ledger-keys.ts'
import type { LedgerTable } from './dynamodb-ledger-table.ts'
import type { Ledger } from './ledger.ts'

const { text, number, readText, readNumber } = attributes

/** The write behind `Ledger.renew`: 1 unit, and 2 of the index of leases. */
export function createRenew(table: LedgerTable): Ledger['renew'] {
  const actions = ledgerActions(table.name)

  return ({ tenant, requestKey, fence, leaseUntil }) => {
    const action = actions.set(
      ledgerKeys.request(tenant, requestKey),
      { leaseUntil: number(leaseUntil) },
      {
        condition: '#state = :reserved AND #fence = :fence AND #leaseUntil < :leaseUntil',
        values: { ':reserved': text('reserved'), ':fence': text(fence) },
      },
    )
    return table.transact<'renewed' | 'lost'>(async () => ({
      steps: [
        {
          action,
          refused: (item) => {
            const isMine =
              item && readText(item, 'state') === 'reserved' && readText(item, 'fence') === fence
            // Mine and refused: it lasts that long already.
            return isMine && readNumber(item, 'leaseUntil') >= leaseUntil ? 'renewed' : 'lost'
          },
        },
      ],
      done: async () => 'renewed',
    }))
  }
}

import { isDeepStrictEqual } from 'node:util'
import { attributes } from '#shared/aws/dynamodb-attributes.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { entryItem } from './dynamodb-entry-item.ts'
import { ledgerActions } from './dynamodb-ledger-actions.ts'
import { ledgerKeys } from './dynamodb-ledger-keys.ts'
import type { LedgerTable } from './dynamodb-ledger-table.ts'
import type { Account, Ledger, LedgerEntry, PostOutcome } from './ledger.ts'
import type { Micros } from './money.ts'

const { text, number, readText, readBigint } = attributes

/** The transaction behind `Ledger.post`. */
export function createPost(table: LedgerTable): Ledger['post'] {
  const actions = ledgerActions(table.name)

  return (entry, unchanged) =>
    table.transact<PostOutcome>(async () => {
      const { tenant, id, type, amount, currency, reference = '' } = entry
      if (!['topup', 'refund', 'expiry'].includes(type)) {
        throw new ServiceError('internal', { detail: 'Charges are written by settle alone.' })
      }
      const [account, standing, charge] = await Promise.all([
        table.account(tenant),
        readEntry(tenant, id),
        type === 'refund' ? readCharge(tenant, reference) : undefined,
      ])
      if (!account) return { outcome: { kind: 'no-account' } }
      if (standing) {
        const kind = isDeepStrictEqual(standing, entry) ? 'duplicate' : 'conflict'
        return { outcome: kind === 'duplicate' ? { kind, account } : { kind } }
      }
      if (currency !== account.currency) {
        return { outcome: { kind: 'currency-mismatch', currency: account.currency } }
      }
      if (unchanged && !isSame(account, unchanged)) return { outcome: { kind: 'changed' } }
      if (charge && amount > charge.left) {
        return { outcome: { kind: 'not-refundable', left: charge.left } }
      }
      if (type === 'expiry' && amount > account.available) {
        return { outcome: { kind: 'no-credit', available: account.available } }
      }
      const same = {
        currency: text(currency),
        ...(unchanged && { spent: number(unchanged.spent), held: number(unchanged.held) }),
      }
      const steps = [
        actions.put(entryItem.fromEntry(entry), 'attribute_not_exists(#pk)'),
        actions.put(entryItem.fromPosting(entry)),
        ...actions.move(tenant, { available: type === 'expiry' ? -amount : amount }, same),
        ...(charge ? [actions.refund(tenant, reference, amount, charge.amount)] : []),
      ].map((action) => ({ action, refused: () => undefined }))
      return { steps, done: async () => ({ kind: 'posted', account: await expectAccount(tenant) }) }
    })

  async function readEntry(tenant: string, id: string): Promise<LedgerEntry | undefined> {
    const item = await table.get(ledgerKeys.entry(tenant, id))
    return item && entryItem.toEntry(tenant, readText(item, 'position'), item)
  }

  /** What was charged, and what of it can still be refunded. */
  async function readCharge(tenant: string, id: string): Promise<{ amount: Micros; left: Micros }> {
    const [entry, refunds] = await Promise.all([
      readEntry(tenant, id),
      table.get(ledgerKeys.refunds(tenant, id)),
    ])
    if (entry?.type !== 'charge') return { amount: 0n, left: 0n }
    const { amount } = entry
    return { amount, left: amount - (refunds ? readBigint(refunds, 'refunded') : 0n) }
  }

  async function expectAccount(tenant: string): Promise<Account> {
    const account = await table.account(tenant)
    if (account) return account
    throw new ServiceError('store_unavailable')
  }
}

const isSame = (account: Account, { spent, held }: Pick<Account, 'spent' | 'held'>) =>
  account.spent === spent && account.held === held

import { attributes } from '#shared/aws/dynamodb-attributes.ts'
import type { WriteAction } from '#shared/aws/dynamodb-write.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { accountItem, type Balance } from './dynamodb-account-item.ts'
import { readEntry } from './dynamodb-entries.ts'
import { entryItem } from './dynamodb-entry-item.ts'
import { ledgerActions } from './dynamodb-ledger-actions.ts'
import { ledgerKeys } from './dynamodb-ledger-keys.ts'
import type { LedgerTable } from './dynamodb-ledger-table.ts'
import { takeCredit } from './dynamodb-shards.ts'
import { isSameEntry } from './is-same-entry.ts'
import type { Account, Ledger, LedgerEntry, PostOutcome } from './ledger.ts'
import type { Micros } from './money.ts'

const { text, number, readBigint } = attributes

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
        readEntry(table, tenant, id),
        type === 'refund' ? readCharge(tenant, reference) : undefined,
      ])
      if (!account) return { outcome: { kind: 'no-account' } }
      if (standing) {
        const kind = isSameEntry(standing, entry) ? 'duplicate' : 'conflict'
        return { outcome: kind === 'duplicate' ? { kind, account } : { kind } }
      }
      if (currency !== account.currency) {
        return { outcome: { kind: 'currency-mismatch', currency: account.currency } }
      }
      const { shards } =
        unchanged || type === 'expiry' ? await table.snapshot(tenant) : { shards: [account] }
      const { available, held, spent } = accountItem.sum(shards)
      if (unchanged && (unchanged.spent !== spent || unchanged.held !== held)) {
        return { outcome: { kind: 'changed' } }
      }
      if (charge && amount > charge.left) {
        return { outcome: { kind: 'not-refundable', left: charge.left } }
      }
      if (type === 'expiry' && amount > available) {
        return { outcome: { kind: 'no-credit', available } }
      }
      // What is settled between this look and the write is as if it came after the entry.
      const filled = { ...entry, spentBefore: spent }
      const steps = [
        actions.put(entryItem.fromEntry(filled), 'attribute_not_exists(#pk)'),
        actions.put(entryItem.fromPosting(filled)),
        ...moveCredit(entry, shards, unchanged !== undefined),
        ...(charge ? [actions.refund(tenant, reference, amount, charge.amount)] : []),
      ].map((action) => ({ action, refused: () => undefined }))
      return { steps, done: async () => ({ kind: 'posted', account: await expectAccount(tenant) }) }
    })

  /** Credit is added to the first shard, and taken where it is; all stay as they are seen if `watched`. */
  function moveCredit(
    { tenant, type, amount, currency }: LedgerEntry,
    shards: readonly Balance[],
    watched: boolean,
  ): WriteAction[] {
    const changes = new Map([[0, amount]])
    if (type === 'expiry') {
      const credits = shards.map(({ available }) => available)
      changes.set(0, 0n)
      for (const share of takeCredit(credits, amount)) changes.set(share.shard, -share.amount)
    }
    return shards.flatMap(({ spent, held }, shard) =>
      actions.move(
        tenant,
        shard,
        { available: changes.get(shard) ?? 0n },
        {
          ...(shard === 0 && { currency: text(currency) }),
          ...(watched && { spent: number(spent), held: number(held) }),
          ...(watched && shard === 0 && { mostShards: number(shards.length) }),
        },
      ),
    )
  }

  /** What was charged, and what of it can still be refunded. */
  async function readCharge(tenant: string, id: string): Promise<{ amount: Micros; left: Micros }> {
    const [entry, refunds] = await Promise.all([
      readEntry(table, tenant, id),
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

import { ServiceError } from '#shared/errors/service-error.ts'
import { isSameEntry } from './is-same-entry.ts'
import type { Account, LedgerEntry, PostOutcome } from './ledger.ts'
import type { LedgerTables } from './sqlite-ledger-tables.ts'

/** The transaction behind `Ledger.post`: an entry that is no charge, and what it moves. */
export function post(
  tables: LedgerTables,
  entry: LedgerEntry,
  unchanged: Pick<Account, 'spent' | 'held'> | undefined,
): PostOutcome {
  const { tenant, id, type, amount, currency, reference } = entry
  if (type !== 'topup' && type !== 'refund' && type !== 'expiry') {
    throw new ServiceError('internal', {
      detail: 'Only the end of a request writes such an entry.',
    })
  }
  const account = tables.accounts.find(tenant)
  if (!account) return { kind: 'no-account' }
  const standing = tables.entries.find(tenant, id)
  if (standing) {
    return isSameEntry(standing, entry) ? { kind: 'duplicate', account } : { kind: 'conflict' }
  }
  if (currency !== account.currency)
    return { kind: 'currency-mismatch', currency: account.currency }
  const { spent, held } = unchanged ?? account
  if (account.spent !== spent || account.held !== held) return { kind: 'changed' }
  if (type === 'refund') {
    const left = leftToRefund(tables, tenant, reference)
    if (amount > left) return { kind: 'not-refundable', left }
  }
  const { available } = account
  if (type === 'expiry' && amount > available) return { kind: 'no-credit', available }
  tables.entries.add({ ...entry, spentBefore: account.spent })
  const moved = tables.accounts.move(tenant, { available: type === 'expiry' ? -amount : amount })
  return { kind: 'posted', account: moved }
}

function leftToRefund(tables: LedgerTables, tenant: string, reference: string | undefined): bigint {
  const charge = reference === undefined ? undefined : tables.entries.find(tenant, reference)
  if (charge?.type !== 'charge') return 0n
  return charge.amount - tables.entries.refunded(tenant, charge.id)
}

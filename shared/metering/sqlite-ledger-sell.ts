import { ServiceError } from '#shared/errors/service-error.ts'
import { isSameEntry } from './is-same-entry.ts'
import type { LedgerEntry, SellOutcome } from './ledger.ts'
import type { LedgerTables } from './sqlite-ledger-tables.ts'

/** The transaction behind `Ledger.sell`: a charge, and what is spent. */
export function sell(tables: LedgerTables, charge: LedgerEntry): SellOutcome {
  const { tenant, id, type, amount, currency } = charge
  if (type !== 'charge') throw new ServiceError('internal', { detail: 'Only charges are sold.' })
  const account = tables.accounts.find(tenant)
  if (!account) return { kind: 'no-account' }
  const standing = tables.entries.find(tenant, id)
  if (standing) return { kind: isSameEntry(standing, charge) ? 'sold' : 'conflict' }
  if (account.mode !== 'postpaid') return { kind: 'not-postpaid' }
  if (currency !== account.currency)
    return { kind: 'currency-mismatch', currency: account.currency }
  tables.entries.add(charge)
  tables.accounts.move(tenant, { spent: amount })
  return { kind: 'sold' }
}

import { creditLeft } from '#shared/metering/credit-left.ts'
import type { Account, Ledger } from '#shared/metering/ledger.ts'
import type { Micros } from '#shared/metering/money.ts'
import { readEntries } from './read-entries.ts'

/** Credit that came in at one time, and what is left of it. */
export interface CreditLot {
  readonly id: string
  readonly at: number
  readonly amount: Micros
  readonly left: Micros
  readonly expiresAt: number | undefined
}

/** Where an account's credit came from, oldest first. What is left of all is what is available. */
export async function creditLots(
  ledger: Pick<Ledger, 'entries'>,
  { tenant, available }: Account,
): Promise<CreditLot[]> {
  const types = ['topup', 'refund', 'expiry'] as const
  const entries = await Array.fromAsync(readEntries(ledger, { tenant, types }))
  const total = entries.reduce(
    (sum, { type, amount }) => (type === 'expiry' ? sum - amount : sum + amount),
    0n,
  )
  const left = creditLeft(entries, total - available)
  return entries.flatMap((entry) => {
    const { id, type, at, amount, creditExpiresAt: expiresAt } = entry
    return type === 'expiry' ? [] : [{ id, at, amount, left: left.get(entry) ?? 0n, expiresAt }]
  })
}

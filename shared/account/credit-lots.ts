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

/**
 * Where an account's credit came from. What expires first is used first, so what is left follows
 * from the balance alone: no call has to touch a lot. Oldest first.
 */
export async function creditLots(
  ledger: Pick<Ledger, 'entries'>,
  { tenant, available }: Account,
): Promise<CreditLot[]> {
  const entries = await Array.fromAsync(readEntries(ledger, { tenant, types: ['topup', 'refund'] }))
  const total = entries.reduce((sum, { amount }) => sum + amount, 0n)
  // Spent, held or expired.
  let used = total - available
  const byExpiry = entries.toSorted(
    (a, b) => (a.creditExpiresAt ?? Infinity) - (b.creditExpiresAt ?? Infinity) || a.at - b.at,
  )
  const left = new Map<string, Micros>()
  for (const { id, amount } of byExpiry) {
    const rest = used < amount ? amount - used : 0n
    used -= amount - rest
    left.set(id, rest)
  }
  return entries.map(({ id, at, amount, creditExpiresAt }) => ({
    id,
    at,
    amount,
    left: left.get(id) ?? 0n,
    expiresAt: creditExpiresAt,
  }))
}

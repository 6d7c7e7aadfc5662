import type { LedgerEntry } from './ledger.ts'
import type { Micros } from './money.ts'

/**
 * What is left of each credit. What is spent is taken from the credit that expires first among those
 * that the account had by then: the entries tell what was spent before each of them, so no call has
 * to touch a lot. An entry from before that was kept counts as posted before anything was spent.
 *
 * @param entries all top-ups, refunds and expiries of an account
 * @param used what is spent of them, or held
 */
export function creditLeft(
  entries: readonly LedgerEntry[],
  used: Micros,
): ReadonlyMap<LedgerEntry, Micros> {
  const left = new Map<LedgerEntry, Micros>()
  /** Those with something left, the first to expire in front. */
  const open: LedgerEntry[] = []
  let taken = 0n
  /** More may be taken than there is: by calls that were not paid from credit. */
  let owed = 0n

  const take = (amount: Micros): void => {
    owed += amount
    for (let [first] = open; first && owed > 0n; [first] = open) {
      const has = left.get(first) ?? 0n
      const part = owed < has ? owed : has
      left.set(first, has - part)
      owed -= part
      if (part === has) open.shift()
    }
  }
  const useUpTo = (spent: Micros): void => {
    const total = spent < used ? spent : used
    if (total <= taken) return
    take(total - taken)
    taken = total
  }

  for (const entry of entries.toSorted(inOrderOfPosting)) {
    useUpTo(entry.spentBefore ?? 0n)
    if (entry.type === 'expiry') {
      take(entry.amount)
      continue
    }
    left.set(entry, entry.amount)
    open.splice(open.findLastIndex((other) => endOf(other) <= endOf(entry)) + 1, 0, entry)
    take(0n)
  }
  useUpTo(used)
  return left
}

/**
 * By what was spent, which never becomes less, and not by clocks, which disagree. Where nothing was
 * spent in between, only that an expiry comes after its credit matters.
 */
const inOrderOfPosting = (a: LedgerEntry, b: LedgerEntry) =>
  Number((a.spentBefore ?? 0n) - (b.spentBefore ?? 0n)) ||
  Number(a.type === 'expiry') - Number(b.type === 'expiry')

const endOf = ({ creditExpiresAt = Number.POSITIVE_INFINITY }: LedgerEntry) => creditExpiresAt

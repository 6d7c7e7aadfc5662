import { creditLeft } from './credit-left.ts'
import type { Ledger, LedgerEntry, RequestRecord } from './ledger.ts'

export interface SweepOptions {
  ledger: Ledger
  now?: () => number
  /** Waited beyond the end of a lease, for clocks that disagree. */
  graceMs?: number
  /** Waited beyond the date of a credit: no clock that is ahead may take what can still be used. */
  creditGraceMs?: number
  /** Requests a batch. */
  batch?: number
}

export interface SweepReport {
  /** Holds that were given back. */
  readonly released: number
  /** Credits that expired, in entries. */
  readonly expired: number
}

/**
 * Ends what its owner did not end: holds of attempts that died, and credit past its date. Any number
 * of sweepers may run at once: the ledger's conditions make the second one harmless.
 *
 * @throws the first failure, after all that could be done was done
 */
export async function sweep({
  ledger,
  now = Date.now,
  graceMs = 10_000,
  creditGraceMs = 5 * 60 * 1_000,
  batch = 100,
}: SweepOptions): Promise<SweepReport> {
  const failures: unknown[] = []
  const report = {
    released: await releaseExpiredLeases(ledger, now(), graceMs, batch, failures),
    expired: await expireCredits(ledger, now(), creditGraceMs),
  }
  if (failures.length > 0) throw failures[0]
  return report
}

async function releaseExpiredLeases(
  ledger: Ledger,
  now: number,
  graceMs: number,
  batch: number,
  failures: unknown[],
): Promise<number> {
  let released = 0
  for (;;) {
    const expired = await ledger.expiredLeases(now - graceMs, batch)
    let ended = 0
    for (const request of expired) {
      try {
        if (await releaseOne(ledger, request, now)) ended += 1
      } catch (error) {
        // One hold that cannot be released keeps no other one waiting.
        failures.push(error)
      }
    }
    released += ended
    // An index may still show what has ended: without progress the next sweep goes on.
    if (expired.length < batch || ended === 0) return released
  }
}

async function releaseOne(
  ledger: Ledger,
  { tenant, requestKey, fence }: RequestRecord,
  now: number,
): Promise<boolean> {
  const outcome = await ledger.release({
    tenant,
    requestKey,
    fence,
    outcome: { kind: 'void' },
    reason: 'lease-expired',
    now,
  })
  return outcome.kind === 'finished'
}

/** Takes what is left of credit past its date, but for what is held. */
async function expireCredits(ledger: Ledger, now: number, graceMs: number): Promise<number> {
  let posted = 0
  for (const tenant of await ledger.tenants()) {
    const account = await ledger.account(tenant)
    if (!account || account.available === 0n) continue
    const entries = await postedEntries(ledger, tenant)
    const expiries = entries.filter(({ type }) => type === 'expiry').length
    let amount = 0n
    for (const [{ creditExpiresAt }, left] of creditLeft(entries, account.spent + account.held)) {
      if (creditExpiresAt !== undefined && creditExpiresAt + graceMs <= now) amount += left
    }
    if (amount === 0n) continue
    const entry: LedgerEntry = {
      tenant,
      // Of two sweepers that know the same expiries one is second: its sum is no longer true.
      id: `expiry-${expiries + 1}`,
      type: 'expiry',
      amount,
      currency: account.currency,
      at: now,
      sale: undefined,
      units: {},
      reference: undefined,
      creditExpiresAt: undefined,
    }
    // A call that takes credit meanwhile uses the part that would expire here.
    const outcome = await ledger.post(entry, account)
    if (outcome.kind === 'posted') posted += 1
  }
  return posted
}

async function postedEntries(ledger: Ledger, tenant: string): Promise<LedgerEntry[]> {
  const entries: LedgerEntry[] = []
  let after: { at: number; id: string } | undefined
  do {
    const types = ['topup', 'refund', 'expiry'] as const
    const page = await ledger.entries({ tenant, types, after, limit: 1_000 })
    entries.push(...page.entries)
    after = page.next
  } while (after)
  return entries
}

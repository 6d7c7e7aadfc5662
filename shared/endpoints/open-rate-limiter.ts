import { createRecentLookups } from '#shared/access/recent-lookups.ts'
import type { Account, Ledger } from '#shared/metering/ledger.ts'
import { createRateLimiter, type LimitRate } from '#shared/metering/rate-limiter.ts'
import type { RateStore } from '#shared/metering/rate-store.ts'

/** The rate limiter with the rates of accounts, of which a change is in force after 10 s at most. */
export function openRateLimiter(ledger: Ledger, store: RateStore, fallback: RateStore): LimitRate {
  const recent = createRecentLookups<Account>({ maxAgeMs: 10_000 })
  return createRateLimiter({
    store,
    fallback,
    // Where the ledger does not answer, no paid call runs; the others are not held up by it.
    tenantLimits: (tenant) =>
      recent(tenant, () => ledger.account(tenant)).then(
        (account) => account?.limits ?? {},
        () => ({}),
      ),
  })
}

import type { Account, Ledger } from './ledger.ts'

export interface RecentAccountsOptions {
  ledger: Pick<Ledger, 'account'>
  now?: () => number
  /** How long an account is taken to be what it was. */
  rememberMs?: number
}

/** @throws ServiceError `store_unavailable` */
export type RecentAccount = (tenant: string) => Promise<Account | undefined>

/** So many tenants are remembered. */
const mostAccounts = 10_000
/** After a failure: so long nobody asks again. */
const failedMs = 1_000

/**
 * Accounts as they were at most ten seconds ago, for what decides about the writes of a call and not
 * about money. Who asks while one is read waits for the same.
 */
export function createRecentAccounts({
  ledger,
  now = Date.now,
  rememberMs = 10_000,
}: RecentAccountsOptions): RecentAccount {
  const known = new Map<string, { reading: Promise<Account | undefined>; until: number }>()

  return (tenant) => {
    const time = now()
    const found = known.get(tenant)
    // A clock may have jumped back.
    if (found && time < found.until && found.until <= time + rememberMs) return found.reading
    if (known.size >= mostAccounts) known.clear()
    const read = { reading: ledger.account(tenant), until: time + rememberMs }
    known.set(tenant, read)
    read.reading.catch(() => {
      read.until = now() + failedMs
    })
    return read.reading
  }
}

import type { Ledger } from '#shared/metering/ledger.ts'

/** A ledger that is opened by the first call that needs it. */
export function lazyLedger(open: () => Promise<Ledger>): Ledger {
  return {
    reserve: async (reservation) => (await open()).reserve(reservation),
    settle: async (settlement) => (await open()).settle(settlement),
    release: async (release) => (await open()).release(release),
    sell: async (charge) => (await open()).sell(charge),
    renew: async (lease) => (await open()).renew(lease),
    find: async (tenant, requestKey) => (await open()).find(tenant, requestKey),
    findRetried: async (...retry) => (await open()).findRetried(...retry),
    expiredLeases: async (time, limit) => (await open()).expiredLeases(time, limit),
    createAccount: async (account) => (await open()).createAccount(account),
    putAccount: async (account) => (await open()).putAccount(account),
    account: async (tenant) => (await open()).account(tenant),
    counters: async (ids) => (await open()).counters(ids),
    post: async (...entry) => (await open()).post(...entry),
    entry: async (tenant, id) => (await open()).entry(tenant, id),
    entries: async (query) => (await open()).entries(query),
    tenants: async () => (await open()).tenants(),
    close: async () => (await open()).close(),
  }
}

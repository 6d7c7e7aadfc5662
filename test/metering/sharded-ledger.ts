import type { Ledger } from '#shared/metering/ledger.ts'

/** A ledger whose accounts have so many shards where they do not say. */
export const sharded = (ledger: Ledger, shards: number): Ledger => ({
  ...ledger,
  createAccount: (settings) => ledger.createAccount({ shards, ...settings }),
  putAccount: (settings) => ledger.putAccount({ shards, ...settings }),
})

import { storeFailed } from '#shared/sqlite/sqlite-guard.ts'
import { openSqliteStore, type SqliteStoreOptions } from '#shared/sqlite/sqlite-store.ts'
import { openLargeAnswers } from './large-answers.ts'
import type { Ledger, StoredAnswer } from './ledger.ts'
import { release, reserve, settle } from './sqlite-ledger-calls.ts'
import { post } from './sqlite-ledger-post.ts'
import { ledgerMigrations } from './sqlite-ledger-schema.ts'
import { sell } from './sqlite-ledger-sell.ts'
import { openLedgerTables } from './sqlite-ledger-tables.ts'

/** Large answers go beside the file, into `<path>-answers`. */
export interface SqliteLedgerOptions extends Omit<SqliteStoreOptions, 'migrations'> {
  /** Answers above this size are files. */
  readonly largestInlineBytes?: number
}

export interface SqliteLedger extends Ledger {
  /**
   * Forgets requests and answers that have expired, and retry pointers. Entries stay, and so does
   * the fact of a charge: its request is `gone` for ever.
   *
   * @returns how many requests were forgotten
   */
  prune(now: number): Promise<number>
}

/** Requests that are forgotten in one transaction: some milliseconds. */
const pruneBatch = 500
/** Files go a day after their expiry: by then no row points at them. */
const keptFilesMs = 24 * 60 * 60 * 1_000

/** The ledger in one SQLite file, shared by any number of processes of one machine. */
export function createSqliteLedger({
  largestInlineBytes = 64 * 1024,
  ...file
}: SqliteLedgerOptions): SqliteLedger {
  const store = openSqliteStore({ ...file, migrations: ledgerMigrations })
  // What is glanced at are holds, which come and go.
  const { database, read: glance, write: transact, writeSoon, flushed, close } = store
  const answers = openLargeAnswers(`${file.path}-answers`)
  const tables = openLedgerTables(database, answers.read)
  /** Only what is on disk is told: a charge that somebody has heard of is never undone. */
  async function read<Result>(look: () => Result): Promise<Result> {
    const seen = await glance(look)
    await flushed()
    return seen
  }

  /** Before the transaction that points at it. @returns the file, if it is one */
  const writeLarge = async (name: string, answer: StoredAnswer | undefined) =>
    answer && answer.body.byteLength > largestInlineBytes
      ? answers.write(name, answer.expiresAt, answer.body).catch(storeFailed)
      : undefined

  return {
    // A power cut takes the run with it, so its hold may go as well: that spares a wait for the disk.
    // What an earlier attempt has left must stay before anybody hears of it.
    async reserve(reservation) {
      const outcome = await writeSoon(() => reserve(tables, reservation))
      if (outcome.kind !== 'reserved') await flushed()
      return outcome
    },

    async settle(settlement) {
      const { tenant, requestKey, fence, answer } = settlement
      const file = await writeLarge(JSON.stringify([tenant, requestKey, fence]), answer)
      return transact(() => settle(tables, settlement, file))
    },

    async release(ending) {
      const { tenant, requestKey, fence, outcome } = ending
      const answer = outcome.kind === 'rejected' ? outcome.answer : undefined
      const file = await writeLarge(JSON.stringify([tenant, requestKey, fence]), answer)
      return transact(() => release(tables, ending, file))
    },

    sell: (charge) => transact(() => sell(tables, charge)),

    renew: (lease) => writeSoon(() => (tables.requests.renew(lease) ? 'renewed' : 'lost')),

    find: (tenant, requestKey) => read(() => tables.requests.find(tenant, requestKey)?.record),

    findRetried: (tenant, pointer, now) =>
      read(() => {
        const requestKey = tables.pointers.find(tenant, pointer, now)
        return requestKey === undefined
          ? undefined
          : tables.requests.find(tenant, requestKey)?.record
      }),

    expiredLeases: (time, limit) => glance(() => tables.requests.expiredLeases(time, limit)),
    createAccount: (account) =>
      transact(() => (tables.accounts.create(account) ? 'created' : 'exists')),
    putAccount: (account) => transact(() => tables.accounts.put(account)),
    account: (tenant) => glance(() => tables.accounts.find(tenant)),
    counters: (ids) => glance(() => ids.map((id) => tables.counters.used(id))),
    post: (entry, unchanged) => transact(() => post(tables, entry, unchanged)),
    entry: (tenant, id) => read(() => tables.entries.find(tenant, id)),
    entries: (query) => read(() => tables.entries.page(query)),
    tenants: () => glance(() => tables.accounts.tenants()),

    async prune(now) {
      const all = async (forget: () => number): Promise<number> => {
        const forgotten = await transact(forget)
        return forgotten < pruneBatch ? forgotten : forgotten + (await all(forget))
      }
      const forgotten = await all(() => tables.requests.forget(now, pruneBatch))
      await all(() => tables.pointers.forget(now, pruneBatch))
      await answers.forget(now - keptFilesMs).catch(storeFailed)
      return forgotten
    },

    close,
  }
}

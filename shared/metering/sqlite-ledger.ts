import { ServiceError } from '#shared/errors/service-error.ts'
import { openSqliteDatabase } from '#shared/sqlite/sqlite-database.ts'
import { createSqliteGroupCommit } from '#shared/sqlite/sqlite-group-commit.ts'
import { openSqliteLogFlush } from '#shared/sqlite/sqlite-log-flush.ts'
import { openLargeAnswers } from './large-answers.ts'
import type { Ledger, StoredAnswer } from './ledger.ts'
import { release, reserve, settle } from './sqlite-ledger-calls.ts'
import { post } from './sqlite-ledger-post.ts'
import { ledgerMigrations } from './sqlite-ledger-schema.ts'
import { sell } from './sqlite-ledger-sell.ts'
import { openLedgerTables } from './sqlite-ledger-tables.ts'

export interface SqliteLedgerOptions {
  /** The file. Large answers go beside it, into `<path>-answers`. */
  readonly path: string
  /** Answers above this size are files. */
  readonly largestInlineBytes?: number
  /** How long a transaction waits for another process that writes. */
  readonly busyTimeoutMs?: number
  /** What waits for the disk. */
  readonly openLog?: typeof openSqliteLogFlush
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
  path,
  largestInlineBytes = 64 * 1024,
  busyTimeoutMs = 5_000,
  openLog = openSqliteLogFlush,
}: SqliteLedgerOptions): SqliteLedger {
  const database = open({ path, busyTimeoutMs, migrations: ledgerMigrations })
  const answers = openLargeAnswers(`${path}-answers`)
  const tables = openLedgerTables(database, answers.read)
  const transactions = createSqliteGroupCommit(database, { log: openLog(database) })
  const transact = <Result>(work: () => Result) => guard(() => transactions.run(work))
  /** Between transactions, so only what is committed is seen; of holds, which come and go. */
  const glance = <Result>(look: () => Result) => guard(async () => look())
  /** Only what is on disk is told: a charge that somebody has heard of is never undone. */
  const read = <Result>(look: () => Result) =>
    guard(async () => {
      const seen = look()
      await transactions.flushed()
      return seen
    })

  /** Before the transaction that points at it. @returns the file, if it is one */
  const writeLarge = async (name: string, answer: StoredAnswer | undefined) =>
    answer && answer.body.byteLength > largestInlineBytes
      ? guard(() => answers.write(name, answer.expiresAt, answer.body))
      : undefined

  return {
    // A power cut takes the run with it, so its hold may go as well: that spares a wait for the disk.
    // What an earlier attempt has left must stay before anybody hears of it.
    reserve: (reservation) =>
      guard(async () => {
        const outcome = await transactions.runSoon(() => reserve(tables, reservation))
        if (outcome.kind !== 'reserved') await transactions.flushed()
        return outcome
      }),

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

    renew: (lease) =>
      guard(() => transactions.runSoon(() => (tables.requests.renew(lease) ? 'renewed' : 'lost'))),

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
      await guard(() => answers.forget(now - keptFilesMs))
      return forgotten
    },

    async close() {
      await transactions.close()
      database.close()
    },
  }
}

function open(options: Parameters<typeof openSqliteDatabase>[0]) {
  try {
    return openSqliteDatabase(options)
  } catch (cause) {
    throw unavailable(cause)
  }
}

async function guard<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (cause) {
    throw unavailable(cause)
  }
}

/** A full disk, a lock held too long, a damaged file: to callers they are all one thing. */
const unavailable = (cause: unknown) =>
  cause instanceof ServiceError ? cause : new ServiceError('store_unavailable', { cause })

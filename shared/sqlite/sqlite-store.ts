import type { DatabaseSync } from 'node:sqlite'
import { openSqliteDatabase, type SqliteDatabaseOptions } from './sqlite-database.ts'
import { createSqliteGroupCommit } from './sqlite-group-commit.ts'
import { guard, storeFailed } from './sqlite-guard.ts'
import { openSqliteLogFlush } from './sqlite-log-flush.ts'

export interface SqliteStoreOptions extends SqliteDatabaseOptions {
  /** What waits for the disk. */
  readonly openLog?: typeof openSqliteLogFlush
}

export interface SqliteStore {
  readonly database: DatabaseSync
  /** Between transactions, so only what is committed is seen; a power cut may undo it yet. */
  read<Result>(look: () => Result): Promise<Result>
  /** In a transaction; resolves once it is on disk. */
  write<Result>(work: () => Result): Promise<Result>
  /** The same without the wait for the disk, for what a power cut may undo. */
  writeSoon<Result>(work: () => Result): Promise<Result>
  /** Resolves once all that is committed by now is on disk. */
  flushed(): Promise<void>
  close(): Promise<void>
}

/**
 * A connection of its own to a file that any number of processes of one machine share.
 *
 * @throws ServiceError `store_unavailable`, as everything that runs in it does
 */
export function openSqliteStore({
  openLog = openSqliteLogFlush,
  ...file
}: SqliteStoreOptions): SqliteStore {
  const database = guard(() => openSqliteDatabase(file))
  const transactions = guard(() => createSqliteGroupCommit(database, { log: openLog(database) }))
  return {
    database,
    read: async (look) => guard(look),
    write: (work) => transactions.run(work).catch(storeFailed),
    writeSoon: (work) => transactions.runSoon(work).catch(storeFailed),
    flushed: () => transactions.flushed().catch(storeFailed),
    async close() {
      if (!database.isOpen) return
      await transactions.close().catch(storeFailed)
      database.close()
    },
  }
}

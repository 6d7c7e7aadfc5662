import type { DatabaseSync } from 'node:sqlite'
import { ServiceError } from '#shared/errors/service-error.ts'
import { openSqliteDatabase } from '#shared/sqlite/sqlite-database.ts'
import { createSqliteGroupCommit } from '#shared/sqlite/sqlite-group-commit.ts'
import { jobMigrations } from './sqlite-job-schema.ts'

export interface SqliteJobDatabaseOptions {
  readonly path: string
  readonly busyTimeoutMs?: number
}

export interface SqliteJobDatabase {
  readonly database: DatabaseSync
  read<Result>(look: () => Result): Promise<Result>
  /** In a transaction; resolves once it is on disk. */
  write<Result>(work: () => Result): Promise<Result>
  close(): Promise<void>
}

/**
 * The file of calls; every store on it has a connection of its own.
 *
 * @throws ServiceError `store_unavailable`, as everything that runs in it does
 */
export function openSqliteJobDatabase({
  path,
  busyTimeoutMs = 5_000,
}: SqliteJobDatabaseOptions): SqliteJobDatabase {
  const database = guard(() =>
    openSqliteDatabase({ path, busyTimeoutMs, migrations: jobMigrations }),
  )
  const transactions = guard(() => createSqliteGroupCommit(database))
  return {
    database,
    read: async (look) => guard(look),
    write: (work) => transactions.run(work).catch(fail),
    async close() {
      if (!database.isOpen) return
      await transactions.close().catch(fail)
      database.close()
    },
  }
}

function guard<Result>(work: () => Result): Result {
  try {
    return work()
  } catch (cause) {
    return fail(cause)
  }
}

/** A full disk, a lock held too long, a damaged file: to callers they are all one thing. */
function fail(cause: unknown): never {
  throw cause instanceof ServiceError ? cause : new ServiceError('store_unavailable', { cause })
}

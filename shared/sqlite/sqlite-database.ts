import { chmodSync, closeSync, existsSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { ServiceError } from '#shared/errors/service-error.ts'

export interface SqliteFileOptions {
  /** The file; it and its directory are made where they are missing, for their owner alone. */
  readonly path: string
  /** How long a statement waits for another process that writes. */
  readonly busyTimeoutMs?: number | undefined
}

export interface SqliteDatabaseOptions extends SqliteFileOptions {
  /** What brings the schema from version n to n + 1, in order. Released ones are never edited. */
  readonly migrations: readonly string[]
}

/** Opens a database that loses nothing it has acknowledged, and brings its schema up to date. */
export function openSqliteDatabase(options: SqliteDatabaseOptions): DatabaseSync {
  const { path, migrations, busyTimeoutMs = 5_000 } = options
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  // Made before SQLite opens it: the files beside it (-wal, -shm) take over its mode. Only where it is
  // missing: to close a file drops the locks that other connections of this process hold on it.
  if (!existsSync(path)) closeSync(openSync(path, 'a', 0o600))
  chmodSync(path, 0o600)
  const database = new DatabaseSync(path, { timeout: busyTimeoutMs })
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
  migrate(database, migrations)
  return database
}

function migrate(database: DatabaseSync, migrations: readonly string[]): void {
  // Under the write lock, so that two processes that start at once do it once.
  database.exec('BEGIN IMMEDIATE')
  try {
    const version = Number(database.prepare('PRAGMA user_version').get()?.user_version)
    if (version > migrations.length) {
      throw new ServiceError('configuration_invalid', {
        detail: 'The database was written by a newer version of this program.',
      })
    }
    for (const migration of migrations.slice(version)) database.exec(migration)
    database.exec(`PRAGMA user_version = ${migrations.length}; COMMIT`)
  } catch (error) {
    database.exec('ROLLBACK')
    database.close()
    throw error
  }
}

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, describe, expect, test } from 'vitest'
import type { KeyStore } from '#shared/access/key-store.ts'
import { createSqliteKeyStore } from '#shared/access/sqlite-key-store.ts'
import { openSqliteDatabase } from '#shared/sqlite/sqlite-database.ts'
import { describeKeyStore, newRecord } from './key-store-contract.ts'

const directory = mkdtempSync(join(tmpdir(), 'percall-keys-'))
const opened: { close(): void }[] = []
const open = (name: string, busyTimeoutMs = 5_000) => {
  const store = createSqliteKeyStore({ path: join(directory, name), busyTimeoutMs })
  opened.push(store)
  return store
}

afterAll(() => {
  for (const store of opened) store.close()
  rmSync(directory, { recursive: true })
})

describe('keys in SQLite', () => {
  describeKeyStore((): KeyStore => open('made/for-it/keys.sqlite'))

  test('keeps its files and their directory from everybody but their owner', async () => {
    const home = join(directory, 'private')
    await open('private/keys.sqlite').put(newRecord())
    const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8)
    const files = readdirSync(home)
    expect(files).toContain('keys.sqlite')
    expect(files).toContain('keys.sqlite-wal')
    expect(modeOf(home)).toBe('700')
    expect(files.map((name) => modeOf(join(home, name)))).toEqual(files.map(() => '600'))
  })

  test('takes from others what they could read of a file that was there before', () => {
    const path = join(directory, 'loose.sqlite')
    writeFileSync(path, '', { mode: 0o644 })
    open('loose.sqlite')
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  test('still has a key whose process was killed right after put', async () => {
    const path = join(directory, 'killed.sqlite')
    const record = newRecord()
    const program = `
      const { createSqliteKeyStore } = await import('#shared/access/sqlite-key-store.ts')
      const record = ${JSON.stringify({ ...record, hash: [...record.hash] })}
      await createSqliteKeyStore({ path: ${JSON.stringify(path)} })
        .put({ ...record, hash: Uint8Array.from(record.hash) })
      process.kill(process.pid, 'SIGKILL')`
    const { signal } = spawnSync(process.execPath, ['--input-type=module', '-e', program])
    expect(signal).toBe('SIGKILL')
    expect((await open('killed.sqlite').find(record.id))?.name).toBe(record.name)
  })

  test('flushes each write to the disk before it is acknowledged', () => {
    const database = openSqliteDatabase({ path: join(directory, 'sync.sqlite'), migrations: [] })
    // 2 is FULL; with WAL, NORMAL may lose the last commits when the power fails.
    expect(database.prepare('PRAGMA synchronous').get()).toEqual({ synchronous: 2 })
    database.close()
  })

  test('finds keys while another process writes', async () => {
    const store = open('shared.sqlite', 20)
    const record = newRecord()
    await store.put(record)
    const other = new DatabaseSync(join(directory, 'shared.sqlite'))
    other.exec('BEGIN IMMEDIATE; DELETE FROM keys')
    expect((await store.find(record.id))?.name).toBe(record.name)
    other.close()
  })

  test('says that the store is unavailable while another process holds the lock too long', async () => {
    const store = open('locked.sqlite', 20)
    const other = new DatabaseSync(join(directory, 'locked.sqlite'))
    other.exec('BEGIN IMMEDIATE')
    await expect(store.put(newRecord())).rejects.toMatchObject({ code: 'store_unavailable' })
    other.exec('ROLLBACK')
    other.close()
    expect(await store.put(newRecord())).toBe(true)
  })

  test('still knows the keys of a file that the first version made', async () => {
    const path = join(directory, 'first.sqlite')
    const first = new DatabaseSync(path)
    first.exec(`CREATE TABLE keys (
      id TEXT PRIMARY KEY, tenant TEXT NOT NULL, name TEXT NOT NULL, mode TEXT NOT NULL,
      hash BLOB NOT NULL, scopes TEXT NOT NULL, created_at INTEGER NOT NULL,
      expires_at INTEGER, revoked_at INTEGER) STRICT, WITHOUT ROWID;
      INSERT INTO keys VALUES ('old00000', 'acme', 'old', 'live', zeroblob(32), 'predict', 1, 2, 3);
      PRAGMA user_version = 1`)
    first.close()
    const store = open('first.sqlite')
    const old = {
      id: 'old00000',
      tenant: 'acme',
      name: 'old',
      mode: 'live',
      scopes: ['predict'],
      createdAt: 1,
      expiresAt: 2,
      revokedAt: 3,
    }
    expect(await store.list('acme')).toStrictEqual([old])
    const limits = { dailyCalls: 1 }
    expect(await store.change('old00000', { limits })).toStrictEqual({ ...old, limits })
  })

  test('refuses a file that is not a database', () => {
    writeFileSync(join(directory, 'text.sqlite'), 'this is no database, it only has its name')
    expect(() => open('text.sqlite')).toThrow(
      expect.objectContaining({ code: 'store_unavailable' }),
    )
  })

  test('refuses a database that a newer version of the program has written', () => {
    open('newer.sqlite').close()
    opened.pop()
    const database = new DatabaseSync(join(directory, 'newer.sqlite'))
    database.exec('PRAGMA user_version = 99')
    database.close()
    expect(() => open('newer.sqlite')).toThrow(
      expect.objectContaining({ code: 'configuration_invalid' }),
    )
  })
})

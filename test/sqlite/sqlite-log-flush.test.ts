import { fdatasync, fstatSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { afterAll, expect, test } from 'vitest'
import { openSqliteDatabase } from '#shared/sqlite/sqlite-database.ts'
import { openSqliteLogFlush, type SyncFile } from '#shared/sqlite/sqlite-log-flush.ts'

const directory = mkdtempSync(join(tmpdir(), 'percall-log-'))
const databases: DatabaseSync[] = []

function open(sync?: SyncFile) {
  const path = join(directory, `${databases.length}.sqlite`)
  const database = openSqliteDatabase({ path, migrations: ['CREATE TABLE notes (text TEXT)'] })
  databases.push(database)
  return { log: openSqliteLogFlush(database, sync), database, path }
}

/** A disk that answers when it is told to. */
function steeredDisk() {
  const asked: ((error: Error | null) => void)[] = []
  const sync: SyncFile = (_, done) => void asked.push(done)
  return { sync, asked }
}

const turn = () => new Promise((done) => setImmediate(done))

afterAll(() => {
  for (const database of databases) database.close()
  rmSync(directory, { recursive: true })
})

test('flushes the file that SQLite writes its commits to, also after a checkpoint', async () => {
  const flushed: number[] = []
  const { log, database, path } = open((file, done) => {
    flushed.push(fstatSync(file).ino)
    fdatasync(file, done)
  })
  database.exec("INSERT INTO notes VALUES ('a')")
  await log.flushed()
  database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  database.exec("INSERT INTO notes VALUES ('b')")
  expect(statSync(`${path}-wal`).size).toBeGreaterThan(4_096)
  await log.flushed()
  expect(flushed).toEqual([statSync(`${path}-wal`).ino, statSync(`${path}-wal`).ino])
})

test('asks the disk once for all who ask before it begins', async () => {
  const disk = steeredDisk()
  const { log } = open(disk.sync)
  const all = Promise.all([log.flushed(), log.flushed(), Promise.resolve().then(log.flushed)])
  await turn()
  expect(disk.asked).toHaveLength(1)
  disk.asked[0]?.(null)
  expect(await all).toHaveLength(3)
})

test('gives nobody a flush that was under way when he asked', async () => {
  const disk = steeredDisk()
  const { log } = open(disk.sync)
  const sure: string[] = []
  void log.flushed().then(() => sure.push('early'))
  await turn()
  void log.flushed().then(() => sure.push('late'))
  await turn()
  disk.asked[0]?.(null)
  await turn()
  expect(sure).toEqual(['early'])
  expect(disk.asked).toHaveLength(2)
  disk.asked[1]?.(null)
  await turn()
  expect(sure).toEqual(['early', 'late'])
})

test('believes no flush after one that failed', async () => {
  const disk = steeredDisk()
  const { log } = open(disk.sync)
  const failed = log.flushed()
  await turn()
  disk.asked[0]?.(new Error('EIO: i/o error'))
  await expect(failed).rejects.toThrow('EIO')
  await expect(log.flushed()).rejects.toThrow('EIO')
  await expect(log.flushed()).rejects.toThrow('EIO')
  expect(disk.asked).toHaveLength(1)
})

test('lets the flush under way end before it closes the file, and then refuses', async () => {
  const disk = steeredDisk()
  const { log } = open(disk.sync)
  const ended: string[] = []
  void log.flushed().then(() => ended.push('flush'))
  const closed = log.close().then(() => ended.push('close'))
  await turn()
  disk.asked[0]?.(null)
  await closed
  expect(ended).toEqual(['flush', 'close'])
  await expect(log.flushed()).rejects.toThrow('closed')
})

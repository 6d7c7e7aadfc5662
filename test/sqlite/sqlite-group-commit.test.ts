import { fdatasync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, expect, test } from 'vitest'
import { openSqliteDatabase } from '#shared/sqlite/sqlite-database.ts'
import { createSqliteGroupCommit } from '#shared/sqlite/sqlite-group-commit.ts'
import { openSqliteLogFlush, type SyncFile } from '#shared/sqlite/sqlite-log-flush.ts'

const directory = mkdtempSync(join(tmpdir(), 'percall-group-'))
const migrations = ['CREATE TABLE notes (text TEXT PRIMARY KEY) STRICT']
let opened = 0
const databases: DatabaseSync[] = []

function open(largestGroup?: number) {
  opened += 1
  const path = join(directory, `${opened}.sqlite`)
  const database = openSqliteDatabase({ path, migrations, busyTimeoutMs: 20 })
  const other = new DatabaseSync(path, { timeout: 20 })
  databases.push(database, other)
  const insert = database.prepare('INSERT INTO notes VALUES (?)')
  const disk = slowDisk()
  const log = openSqliteLogFlush(database, disk.sync)
  const group = createSqliteGroupCommit(database, { log, ...(largestGroup && { largestGroup }) })
  /** As another process sees them. */
  const notes = () =>
    other
      .prepare('SELECT text FROM notes ORDER BY text')
      .all()
      .map((r) => r.text)
  const note = (text: string) => group.run(() => insert.run(text) && text)
  return { database, other, group, note, notes, insert, disk }
}

/** The real one, which can be told to wait, and to fail. */
function slowDisk() {
  const held: (() => void)[] = []
  let holds = false
  const sync: SyncFile = (file, done) => {
    if (holds) held.push(() => fdatasync(file, done))
    else fdatasync(file, done)
  }
  return {
    sync,
    hold() {
      holds = true
    },
    /** @returns how many flushes were held */
    goOn() {
      holds = false
      return held.splice(0).map((flush) => flush()).length
    },
  }
}

afterAll(() => {
  for (const database of databases) if (database.isOpen) database.close()
  rmSync(directory, { recursive: true })
})

test('resolves with the result, once another process can see it', async () => {
  const { note, notes } = open()
  const written = note('a')
  expect(notes()).toEqual([])
  expect(await written).toBe('a')
  expect(notes()).toEqual(['a'])
})

test('runs what arrives in one turn in one transaction, in order', async () => {
  const { group, note, notes, insert } = open()
  const seen: unknown[] = []
  const look = () => group.run(() => void seen.push(notes()))
  await Promise.all([note('a'), look(), note('b'), group.run(() => insert.run('c')), look()])
  // Nothing was committed yet when the looks ran between the writes.
  expect(seen).toEqual([[], []])
  expect(notes()).toEqual(['a', 'b', 'c'])
})

test('undoes a work that throws, and only that', async () => {
  const { group, note, notes, insert } = open()
  const broken = group.run(() => {
    insert.run('half')
    throw new Error('my own')
  })
  const outcomes = await Promise.allSettled([note('a'), broken, note('a'), note('b')])
  expect(outcomes.map(({ status }) => status)).toEqual([
    'fulfilled',
    'rejected',
    'rejected',
    'fulfilled',
  ])
  await expect(broken).rejects.toThrow('my own')
  expect(notes()).toEqual(['a', 'b'])
})

test('tells nobody of success when the transaction cannot begin, and goes on afterwards', async () => {
  const { other, note, notes } = open()
  other.exec('BEGIN IMMEDIATE')
  const outcomes = await Promise.allSettled([note('a'), note('b')])
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  other.exec('ROLLBACK')
  await note('c')
  expect(notes()).toEqual(['c'])
})

test('tells nobody of success when a work ends the whole transaction', async () => {
  const { database, group, note, notes, insert } = open()
  const fatal = group.run(() => {
    insert.run('x')
    // As SQLite does by itself on a full disk.
    database.exec('ROLLBACK')
    throw new Error('disk full')
  })
  const outcomes = await Promise.allSettled([note('a'), fatal, note('b')])
  expect(outcomes.every(({ status }) => status === 'rejected')).toBe(true)
  expect(notes()).toEqual([])
  await note('c')
  expect(notes()).toEqual(['c'])
})

test('tells nobody of success when the commit fails', async () => {
  const { database, note, notes } = open()
  database.exec(`PRAGMA foreign_keys = ON;
    CREATE TABLE child (text TEXT REFERENCES notes DEFERRABLE INITIALLY DEFERRED);
    CREATE TRIGGER orphan AFTER INSERT ON notes WHEN new.text = 'bad'
      BEGIN INSERT INTO child VALUES ('nowhere'); END`)
  const outcomes = await Promise.allSettled([note('a'), note('bad')])
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect(notes()).toEqual([])
  await note('c')
  expect(notes()).toEqual(['c'])
})

test('splits a flood into groups, and loses none of it', async () => {
  const { note, notes } = open(3)
  const texts = Array.from({ length: 10 }, (_, index) => `n${index}`)
  expect(await Promise.all(texts.map(note))).toEqual(texts)
  expect(notes()).toEqual(texts)
})

test('does at once what waits when it is closed, and refuses work on a closed database', async () => {
  const { database, group, note, notes } = open(2)
  const written = Promise.all(['a', 'b', 'c'].map(note))
  const closed = group.close()
  expect(notes()).toEqual(['a', 'b', 'c'])
  await closed
  database.close()
  expect(await written).toEqual(['a', 'b', 'c'])
  await expect(note('d')).rejects.toThrow()
})

test('tells of success when the disk has it, and others may see it before', async () => {
  const { note, notes, disk } = open()
  disk.hold()
  const told: string[] = []
  const written = note('a').then((text) => told.push(text))
  await turns(3)
  expect(notes()).toEqual(['a'])
  expect(told).toEqual([])
  expect(disk.goOn()).toBe(1)
  await written
  expect(told).toEqual(['a'])
})

test('goes on while the disk is busy, and waits once for all that was done meanwhile', async () => {
  const { note, notes, disk } = open()
  disk.hold()
  const first = note('a')
  await turns(3)
  const later = ['b', 'c'].map(note)
  await turns(3)
  const last = note('d')
  await turns(3)
  expect(notes()).toEqual(['a', 'b', 'c', 'd'])
  expect(disk.goOn()).toBe(1)
  await first
  disk.hold()
  await turns(3)
  // One flush for the three: none of them was sure by the one that began before them.
  expect(disk.goOn()).toBe(1)
  expect(await Promise.all([...later, last])).toEqual(['b', 'c', 'd'])
})

test('does not wait for the disk where nobody must be sure', async () => {
  const { group, insert, notes, disk } = open()
  disk.hold()
  await group.runSoon(() => insert.run('a'))
  expect(notes()).toEqual(['a'])
  expect(disk.goOn()).toBe(0)
})

/** Lets works, commits and flushes that were asked for begin. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((done) => setImmediate(done))
}

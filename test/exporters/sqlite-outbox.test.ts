import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, describe, expect, test } from 'vitest'
import type { Outbox } from '#shared/exporters/outbox.ts'
import { createSqliteOutbox } from '#shared/exporters/sqlite-outbox.ts'
import { newRecord } from './exporter-samples.ts'
import { describeOutbox } from './outbox-contract.ts'

const directory = mkdtempSync(join(tmpdir(), 'percall-outbox-'))
const path = join(directory, 'outbox.sqlite')
const opened: Outbox[] = []
const open = (busyTimeoutMs = 5_000) => {
  const outbox = createSqliteOutbox({ path, busyTimeoutMs })
  opened.push(outbox)
  return outbox
}

afterAll(async () => {
  for (const outbox of opened) await outbox.close()
  rmSync(directory, { recursive: true })
})

describe('the outbox in SQLite', () => {
  describeOutbox(() => open())

  test('has a database that refuses to change what is frozen, or to lose it', async () => {
    await open().add(newRecord())
    const other = new DatabaseSync(path)
    expect(() => other.exec('UPDATE records SET quantity = 1')).toThrow('frozen')
    expect(() => other.exec('DELETE FROM records')).toThrow('never go')
    other.close()
  })

  test('says that the store is unavailable while another process holds the lock too long', async () => {
    const outbox = open(20)
    const other = new DatabaseSync(path)
    other.exec('BEGIN IMMEDIATE')
    await expect(outbox.add(newRecord())).rejects.toMatchObject({ code: 'store_unavailable' })
    other.exec('ROLLBACK')
    other.close()
  })
})

import { existsSync, fdatasync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, describe, expect, test } from 'vitest'
import { createSqliteLedger, type SqliteLedger } from '#shared/metering/sqlite-ledger.ts'
import { openSqliteLogFlush } from '#shared/sqlite/sqlite-log-flush.ts'
import { describeLedger } from './ledger-contract.ts'
import {
  balanceOf,
  comparable,
  day,
  fresh,
  newAnswer,
  newReservation,
  openAccount,
  releaseOf,
  settlementOf,
  start,
} from './ledger-samples.ts'

const directory = mkdtempSync(join(tmpdir(), 'percall-ledger-'))
const opened: SqliteLedger[] = []
const pathOf = (name: string) => join(directory, `${name}.sqlite`)
const open = (name: string, busyTimeoutMs = 5_000) => {
  const ledger = createSqliteLedger({ path: pathOf(name), busyTimeoutMs })
  opened.push(ledger)
  return ledger
}
const hour = day / 24
const body = Uint8Array.from({ length: 200_000 }, (_, index) => (index * 7) % 256)

afterAll(async () => {
  for (const ledger of opened) await ledger.close().catch(() => {})
  rmSync(directory, { recursive: true })
})

describe('the ledger in SQLite', () => {
  describeLedger(() => open('contract'))

  test('has a database that refuses to change or remove an entry, whoever asks', async () => {
    const ledger = open('immutable')
    const tenant = await openAccount(ledger, 100n)
    const other = new DatabaseSync(pathOf('immutable'))
    expect(() => other.exec('UPDATE entries SET amount = 1')).toThrow('never change')
    expect(() => other.exec('DELETE FROM entries')).toThrow('never go')
    other.close()
    expect((await ledger.entries({ tenant, limit: 9 })).entries).toMatchObject([{ amount: 100n }])
  })

  test('has a database that refuses a negative balance and a second charge', async () => {
    const ledger = open('checked')
    const tenant = await openAccount(ledger, 100n)
    const asked = newReservation(tenant)
    await ledger.reserve(asked)
    await ledger.settle(settlementOf(asked))
    const other = new DatabaseSync(pathOf('checked'))
    for (const part of ['available', 'held', 'spent']) {
      expect(() => other.exec(`UPDATE accounts SET ${part} = -1`)).toThrow('CHECK')
    }
    const again = `INSERT INTO entries SELECT tenant, id, type, amount, currency, at + 1, sale, units,
      reference, credit_expires_at, spent_before FROM entries WHERE type = 'charge'`
    expect(() => other.exec(again)).toThrow('UNIQUE')
    other.close()
  })

  test('tells of a charge only once it is on disk, also whoever asks for it again', async () => {
    const path = pathOf('slow-disk')
    let isBusy = false
    const waiting: (() => void)[] = []
    const ledger = createSqliteLedger({
      path,
      openLog: (database) =>
        openSqliteLogFlush(database, (file, done) => {
          if (isBusy) waiting.push(() => fdatasync(file, done))
          else fdatasync(file, done)
        }),
    })
    opened.push(ledger)
    const tenant = await openAccount(ledger, 100n)
    const asked = newReservation(tenant)
    isBusy = true
    await ledger.reserve(asked)
    const again = { ...asked, fence: fresh('fence') }
    const told: string[] = []
    const sold = ledger.settle(settlementOf(asked)).then(({ kind }) => told.push(kind))
    // What is not waited for has its answer already: this hold, made after the charge.
    while ((await ledger.account(tenant))?.spent === 0n)
      await ledger.reserve(newReservation(tenant))
    const questions = [
      sold,
      ledger.reserve(again).then(({ kind }) => told.push(kind)),
      ledger.find(tenant, asked.requestKey).then(() => told.push('found')),
      ledger.entries({ tenant, limit: 9 }).then(() => told.push('listed')),
    ]
    await ledger.reserve(newReservation(tenant))
    expect(told).toEqual([])
    isBusy = false
    for (const flush of waiting) flush()
    await Promise.all(questions)
    expect(told.toSorted()).toEqual(['finished', 'found', 'listed', 'replay'])
  })

  test('keeps a large answer in a file of its owner alone, and replays it', async () => {
    const ledger = open('large')
    const tenant = await openAccount(ledger, 100n)
    const answer = newAnswer({ body })
    const [sold, refused] = [newReservation(tenant), newReservation(tenant)]
    await ledger.reserve(sold)
    await ledger.reserve(refused)
    await ledger.settle(settlementOf(sold, { answer }))
    await ledger.release(releaseOf(refused, { outcome: { kind: 'rejected', answer } }))
    const answers = `${pathOf('large')}-answers`
    const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8)
    const files = readdirSync(answers, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name))
    expect(files.map(modeOf)).toEqual(['600', '600'])
    expect(modeOf(answers)).toBe('700')
    for (const asked of [sold, refused]) {
      const outcome = await ledger.reserve({ ...asked, fence: fresh('fence') })
      expect(outcome.kind).toBe('replay')
      expect(outcome.kind === 'replay' && comparable(outcome.request.answer)).toEqual(
        comparable(answer),
      )
    }
    const found = await open('large').find(tenant, sold.requestKey)
    expect(comparable(found?.answer)).toEqual(comparable(answer))
  })

  test('never lets a losing attempt touch the large answer of the winner', async () => {
    const ledger = open('rivals')
    const first = newReservation(await openAccount(ledger, 100n))
    await ledger.reserve(first)
    const second = {
      ...first,
      fence: fresh('fence'),
      now: first.leaseUntil,
      leaseUntil: start + day,
    }
    await ledger.reserve(second)
    const answer = newAnswer({ body })
    await ledger.settle(settlementOf(second, { answer }))
    const other = newAnswer({ body: body.toReversed() })
    expect(await ledger.settle(settlementOf(first, { answer: other }))).toMatchObject({
      kind: 'lost',
    })
    const found = await ledger.find(first.tenant, first.requestKey)
    expect(comparable(found?.answer)).toEqual(comparable(answer))
  })

  test('forgets requests and answers that have expired, and neither entries nor the charge', async () => {
    const ledger = open('pruned')
    const tenant = await openAccount(ledger, 1_000n)
    const retryPointer = { key: 'pointer', until: start + hour }
    const make = () => newReservation(tenant, { retryPointer })
    const [sold, voided, rejected, running] = [make(), make(), make(), make()]
    for (const asked of [sold, voided, rejected, running]) await ledger.reserve(asked)
    const answer = newAnswer({ body })
    await ledger.settle(settlementOf(sold, { answer }))
    await ledger.release(releaseOf(voided))
    await ledger.release(releaseOf(rejected, { outcome: { kind: 'rejected', answer } }))
    const before = (await ledger.entries({ tenant, limit: 9 })).entries
    const balance = await balanceOf(ledger, tenant)

    expect(await ledger.prune(answer.expiresAt)).toBe(0)
    expect(comparable((await ledger.find(tenant, sold.requestKey))?.answer)).toEqual(
      comparable(answer),
    )
    expect(await ledger.prune(start + 3 * day)).toBe(3)
    expect(readdirSync(`${pathOf('pruned')}-answers`)).toEqual([])
    for (const { requestKey } of [sold, voided, rejected]) {
      expect(await ledger.find(tenant, requestKey)).toBeUndefined()
    }
    expect((await ledger.find(tenant, running.requestKey))?.state).toBe('reserved')
    expect((await ledger.entries({ tenant, limit: 9 })).entries).toEqual(before)
    expect(await balanceOf(ledger, tenant)).toEqual(balance)
    const again = { ...sold, fence: fresh('fence'), now: start + 3 * day }
    expect(await ledger.reserve(again)).toEqual({ kind: 'gone' })
    expect(await ledger.settle(settlementOf(sold))).toEqual({ kind: 'lost', request: undefined })
    expect((await ledger.reserve({ ...again, requestKey: voided.requestKey })).kind).toBe(
      'reserved',
    )
  })

  test('forgets more than fits into one transaction', async () => {
    const ledger = open('many')
    const tenant = await openAccount(ledger, 100_000n)
    const asked = Array.from({ length: 1_201 }, () => newReservation(tenant))
    await Promise.all(asked.map((reservation) => ledger.reserve(reservation)))
    await Promise.all(asked.map((reservation) => ledger.release(releaseOf(reservation))))
    expect(await ledger.prune(start + 3 * day)).toBe(1_201)
    expect(existsSync(`${pathOf('many')}-answers`)).toBe(false)
  })

  test('says that the store is unavailable while another process holds the lock too long', async () => {
    const ledger = open('locked', 20)
    const tenant = await openAccount(ledger, 100n)
    const asked = newReservation(tenant)
    const other = new DatabaseSync(pathOf('locked'))
    other.exec('BEGIN IMMEDIATE')
    const outcomes = await Promise.allSettled([
      ledger.reserve(asked),
      ledger.reserve(newReservation(tenant)),
    ])
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ reason: { code: 'store_unavailable' } })
    }
    other.exec('ROLLBACK')
    other.close()
    expect((await ledger.reserve(asked)).kind).toBe('reserved')
    expect(await balanceOf(ledger, tenant)).toEqual([90n, 10n, 0n])
  })

  test('refuses money beyond 64 bits without moving any', async () => {
    const ledger = open('overflow')
    const tenant = await openAccount(ledger, 2n ** 63n - 1n)
    const other = await openAccount(ledger, 1n)
    await expect(ledger.reserve(newReservation(other, { hold: -1n }))).rejects.toMatchObject({
      code: 'store_unavailable',
    })
    const entry = { ...(await ledger.entries({ tenant, limit: 1 })).entries[0], id: 'more' }
    await expect(ledger.post({ ...entry, amount: 1n } as never)).rejects.toThrow()
    expect(await balanceOf(ledger, tenant)).toEqual([2n ** 63n - 1n, 0n, 0n])
    expect((await ledger.entries({ tenant, limit: 9 })).entries).toHaveLength(1)
    expect(await balanceOf(ledger, other)).toEqual([1n, 0n, 0n])
  })

  test('finishes what waits before it closes, and answers nothing afterwards', async () => {
    const ledger = open('closed')
    const tenant = await openAccount(ledger, 100n)
    const asked = newReservation(tenant)
    const reserved = ledger.reserve(asked)
    await ledger.close()
    expect((await reserved).kind).toBe('reserved')
    await expect(ledger.find(tenant, asked.requestKey)).rejects.toMatchObject({
      code: 'store_unavailable',
    })
    expect((await open('closed').find(tenant, asked.requestKey))?.state).toBe('reserved')
  })
})

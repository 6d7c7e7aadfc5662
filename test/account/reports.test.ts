import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { createSqliteKeyStore } from '#shared/access/sqlite-key-store.ts'
import { createAlertLog } from '#shared/account/alert-log.ts'
import { capAlerts } from '#shared/account/cap-alerts.ts'
import { ledgerCursor } from '#shared/account/ledger-cursor.ts'
import { refundCharge } from '#shared/account/refund-charge.ts'
import { costReport, usageReport } from '#shared/account/usage-report.ts'
import { counterHolds } from '#shared/metering/counter-holds.ts'
import { createLogger } from '#shared/observability/logger.ts'
import { newRecord } from '#test/access/key-store-contract.ts'
import { day, fresh, openAccount, sale, start } from '#test/metering/ledger-samples.ts'
import { fail, newLedger, sell } from './account-ledger.ts'

const { ledger, stop } = newLedger()
const directory = mkdtempSync(join(tmpdir(), 'percall-reports-'))
const keyStore = createSqliteKeyStore({ path: join(directory, 'keys.sqlite') })
afterAll(async () => {
  await stop()
  keyStore.close()
  rmSync(directory, { recursive: true })
})

const hour = 3_600_000

describe('usage and costs', () => {
  const setUp = async () => {
    const tenant = await openAccount(ledger, 1_000n)
    const units = { calls: 1, rows: 3 }
    await sell(ledger, tenant, { charge: 10n, units, now: start + 1 })
    await sell(ledger, tenant, { charge: 20n, units, now: start + hour - 1 })
    const spam = { sale: { ...sale, model: 'spam@1', keyId: 'key-2', project: 'shop' } }
    const id = await sell(ledger, tenant, { charge: 5n, now: start + hour }, spam)
    await fail(ledger, tenant, { now: start + hour + 5 })
    await refundCharge(
      { ledger, now: () => start + 2 * hour },
      { tenant, refundId: 'r', chargeId: id, amount: 2n },
    )
    return { tenant, from: start, to: start + day, groupBy: [], bucket: '1d' } as const
  }

  test('are counted by minute, hour and day', async () => {
    const query = await setUp()
    const byHour = await usageReport(ledger, { ...query, bucket: '1h' })
    expect(byHour.map(({ start: at, calls, amount }) => [at - start, calls, amount])).toEqual([
      [0, 2, 30n],
      [hour, 2, 5n],
    ])
    expect(byHour[0]?.units).toMatchObject({ rows: 6 })
    expect(await usageReport(ledger, { ...query, bucket: '1m' })).toHaveLength(3)
    expect(await usageReport(ledger, query)).toMatchObject([{ calls: 4, amount: 35n }])
  })

  test('are grouped by model, key, project and status', async () => {
    const query = await setUp()
    const groups = async (...groupBy: ('model' | 'key' | 'project' | 'status')[]) =>
      (await usageReport(ledger, { ...query, groupBy })).map(({ group, calls }) => [
        ...Object.values(group),
        calls,
      ])
    expect(await groups('model')).toEqual([
      ['iris@1', 3],
      ['spam@1', 1],
    ])
    expect(await groups('project', 'key')).toEqual([
      [null, 'key-1', 3],
      ['shop', 'key-2', 1],
    ])
    expect(await groups('status')).toEqual([
      ['charged', 3],
      ['failed', 1],
    ])
  })

  test('have refunds taken off the costs where they were given', async () => {
    const query = await setUp()
    const rows = await costReport(ledger, { ...query, bucket: '1h', groupBy: ['model'] })
    expect(rows.map(({ start: at, group, amount }) => [at - start, group.model, amount])).toEqual([
      [0, 'iris@1', 30n],
      [hour, 'spam@1', 5n],
      [2 * hour, 'spam@1', -2n],
    ])
  })

  test('see nothing of other tenants, and nothing outside of their time', async () => {
    const [query, other] = [await setUp(), await setUp()]
    expect(await usageReport(ledger, { ...query, to: start + 1 })).toEqual([])
    expect(await usageReport(ledger, query)).toEqual(await usageReport(ledger, other))
    const refusal = expect.objectContaining({ code: 'parameter_invalid' })
    await expect(usageReport(ledger, { ...query, to: start })).rejects.toEqual(refusal)
    const minutes = usageReport(ledger, { ...query, bucket: '1m', to: start + 30 * day })
    await expect(minutes).rejects.toEqual(refusal)
  })
})

describe('a cursor', () => {
  const place = { at: start, id: "id-'\u00e9" }

  test('leads its tenant to its place', () => {
    expect(ledgerCursor.read('acme', ledgerCursor.write('acme', place))).toEqual(place)
  })

  test('of another tenant leads nowhere, and one that is none is refused', () => {
    const cursor = ledgerCursor.write('acme', place)
    const missing = expect.objectContaining({ code: 'resource_not_found', status: 404 })
    expect(() => ledgerCursor.read('globex', cursor)).toThrow(missing)
    for (const text of ['', 'x', cursor.slice(0, -9), 'W10', 'bnVsbA', 'WzEsMiwzXQ']) {
      const invalid = expect.objectContaining({ code: 'cursor_invalid', status: 400 })
      expect(() => ledgerCursor.read('acme', text)).toThrow(invalid)
    }
  })
})

describe('an alert', () => {
  test('tells of the caps of tenant and keys at 50, 80 and 100 percent', async () => {
    const limits = { monthlySpend: 100n, dailyCalls: 4 }
    const tenant = await openAccount(ledger, 1_000n, { limits })
    const key = newRecord({ tenant, limits: { monthlySpend: 60n } })
    await keyStore.put(key)
    const buy = async (charge: bigint) => {
      const counters = counterHolds(
        [
          { scope: 'tenant', id: tenant, limits },
          { scope: 'key', id: `${tenant}/${key.id}`, limits: key.limits ?? {} },
        ],
        charge,
        start,
      )
      await sell(ledger, tenant, { charge }, { counters })
    }
    const lines: string[] = []
    const tell = createAlertLog(createLogger({ write: (line) => lines.push(line) }))
    const levels = async (now = start) => {
      const alerts = await capAlerts({ ledger, keyStore }, tenant, now)
      tell(alerts)
      return alerts.map(({ scope, kind, level }) => `${scope} ${kind} ${level}`)
    }
    expect(await levels()).toEqual([])
    await buy(29n)
    expect(await levels()).toEqual([])
    await buy(1n)
    expect(await levels()).toEqual(['tenant calls 50', 'key spend 50'])
    expect(await levels()).toEqual(['tenant calls 50', 'key spend 50'])
    await buy(30n)
    expect(await levels()).toEqual(['tenant spend 50', 'tenant calls 50', 'key spend 100'])
    expect(await levels(start + day)).toEqual(['tenant spend 50', 'key spend 100'])
    expect(lines.map((line) => JSON.parse(line).detail)).toEqual([
      expect.stringContaining('50 % of the calls of this tenant in 2026-11-23: 2 of 4'),
      expect.stringContaining('50 % of the spend of this key in 2026-11: 30 of 60'),
      expect.stringContaining('50 % of the spend of this tenant'),
      expect.stringContaining('100 % of the spend of this key'),
    ])
  })

  test('of a key that took the place of another counts what both used, under its own id', async () => {
    const tenant = await openAccount(ledger, 1_000n)
    const limits = { monthlySpend: 60n }
    const old = newRecord({ tenant, limits, expiresAt: start })
    const fresh = newRecord({ tenant, limits, countedAs: old.id })
    await keyStore.put(old)
    await keyStore.put(fresh)
    const party = { scope: 'key', id: `${tenant}/${old.id}`, limits } as const
    await sell(ledger, tenant, { charge: 30n }, { counters: counterHolds([party], 30n, start) })
    expect(await capAlerts({ ledger, keyStore }, tenant, start)).toMatchObject([
      { scope: 'key', id: fresh.id, used: 30n, level: 50 },
    ])
  })

  test('is not given for keys that were revoked, and not to other tenants', async () => {
    const tenant = fresh('tenant')
    const key = newRecord({ tenant, limits: { dailyCalls: 1 }, revokedAt: start })
    await keyStore.put(key)
    expect(await capAlerts({ ledger, keyStore }, tenant, start)).toEqual([])
  })
})

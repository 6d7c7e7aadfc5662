import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { createMeter, type PaidCall } from '#shared/metering/metered-call.ts'
import { createPriceBook } from '#shared/metering/price-book.ts'
import { createSqliteLedger } from '#shared/metering/sqlite-ledger.ts'

const folder = mkdtempSync(join(tmpdir(), 'percall-projects-'))
const ledger = createSqliteLedger({ path: join(folder, 'ledger.sqlite') })
afterAll(async () => {
  await ledger.close()
  rmSync(folder, { recursive: true })
})

const prices = createPriceBook([
  { name: 'per-call', effectiveFrom: 0, currency: 'USD', rates: { perCall: 100n } },
])
let ids = 0
const meter = createMeter({ ledger, prices, newId: () => `fence-${++ids}`, sleep: async () => {} })

const call = (project: string | undefined): PaidCall => ({
  tenant: 'acme',
  keyId: 'k1',
  project,
  parties: [],
  free: false,
  requestKey: `request-${++ids}`,
  fingerprint: 'same',
  retry: undefined,
  model: 'iris@1',
  modelDigest: 'digest',
  priceName: 'per-call',
  units: { calls: 1 },
  timeoutMs: 1_000,
})

it('keeps each project within its own cap, whatever the others spend', async () => {
  const limits = { projects: { search: { monthlySpend: 200n }, chat: { dailyCalls: 1 } } }
  await ledger.putAccount({ tenant: 'acme', currency: 'USD', mode: 'postpaid', limits })
  expect((await ledger.account('acme'))?.limits).toEqual(limits)

  await meter.begin(call('search'))
  await meter.begin(call('search'))
  await expect(meter.begin(call('search'))).rejects.toMatchObject({ code: 'spend_cap_reached' })
  await meter.begin(call('chat'))
  await expect(meter.begin(call('chat'))).rejects.toMatchObject({ code: 'quota_exceeded' })
  await meter.begin(call('another'))
  await meter.begin(call(undefined))
})

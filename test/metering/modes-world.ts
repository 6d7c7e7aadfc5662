import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  createLeasedMeter,
  type LeasedMeter,
  type LeasedMeterOptions,
} from '#shared/metering/leased-meter.ts'
import type { AccountSettings, Ledger } from '#shared/metering/ledger.ts'
import {
  createMeter,
  type Meter,
  type MeterOptions,
  type PaidCall,
} from '#shared/metering/metered-call.ts'
import { createPriceBook } from '#shared/metering/price-book.ts'
import { createRecentAccounts } from '#shared/metering/recent-accounts.ts'
import { createSingleWriteMeter } from '#shared/metering/single-write-meter.ts'
import { createSqliteLedger } from '#shared/metering/sqlite-ledger.ts'
import { fresh, openAccount } from './ledger-samples.ts'

export const price = 100n
export const timeoutMs = 1_000

export const prices = createPriceBook([
  { name: 'per-call', effectiveFrom: 0, currency: 'USD', rates: { perCall: price } },
  { name: 'rows', effectiveFrom: 0, currency: 'USD', rates: { perThousandRows: 1_000_000n } },
  { name: 'euros', effectiveFrom: 0, currency: 'EUR', rates: { perCall: price } },
])

/** The meters of a host, one upon the other. */
export function composeMeter(options: MeterOptions & Partial<LeasedMeterOptions>): LeasedMeter {
  const readAccount = createRecentAccounts(options)
  const recentAccount = (tenant: string) => readAccount(tenant).catch(() => undefined)
  const strict = createMeter(options)
  const meter = createSingleWriteMeter({ ...options, recentAccount, meter: strict })
  return createLeasedMeter({ ...options, recentAccount, meter })
}

/** The same over a ledger, with blocks that end only when they are spent. */
export const modesMeter = (ledger: Ledger, changes: Partial<LeasedMeterOptions> = {}) =>
  composeMeter({
    ledger,
    prices,
    newId: () => fresh('fence'),
    sleep: () => sleep(1),
    idle: () => new Promise<void>(() => undefined),
    ...changes,
  })

/** A ledger on disk, and the way to remove it. */
export function openDiskLedger() {
  const folder = mkdtempSync(join(tmpdir(), 'percall-modes-'))
  const path = join(folder, 'ledger.sqlite')
  const ledger = createSqliteLedger({ path })
  return {
    path,
    ledger,
    async remove() {
      await ledger.close()
      rmSync(folder, { recursive: true })
    },
  }
}

export const openPostpaid = (ledger: Ledger, settings: Partial<AccountSettings> = {}) =>
  openAccount(ledger, 0n, { mode: 'postpaid', ...settings })

export const callOf = (tenant: string, changes: Partial<PaidCall> = {}): PaidCall => ({
  tenant,
  keyId: 'key-1',
  project: undefined,
  parties: [],
  free: false,
  requestKey: fresh('call'),
  fingerprint: 'same',
  keyed: false,
  retry: undefined,
  model: 'iris@1',
  modelDigest: 'digest',
  priceName: 'per-call',
  units: { calls: 1 },
  timeoutMs,
  ...changes,
})

export const answer = { status: 200, headers: {}, body: Buffer.from('{}') }

/** One call from begin to end. */
export async function callOnce(meter: Pick<Meter, 'begin'>, call: PaidCall) {
  const ticket = await meter.begin(call)
  return ticket.kind === 'answered' ? ticket : ticket.settle(answer, call.units)
}

export async function chargesOf(ledger: Ledger, tenant: string) {
  const { entries } = await ledger.entries({ tenant, types: ['charge'], limit: 10_000 })
  return entries
}

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Outbox, OutboxRecord } from '#shared/exporters/outbox.ts'
import type { Export, Measure } from '#shared/exporters/sink.ts'
import { createSqliteOutbox } from '#shared/exporters/sqlite-outbox.ts'
import { newUsageRecord, type UsageRecord } from '#shared/exporters/usage-record.ts'
import type { Ledger } from '#shared/metering/ledger.ts'
import { createSqliteLedger } from '#shared/metering/sqlite-ledger.ts'
import { fresh, newReservation, settlementOf } from '#test/metering/ledger-samples.ts'

/** 2026-11-23 00:00 UTC, as the ledger's samples have it. */
export { start } from '#test/metering/ledger-samples.ts'

export const minuteMs = 60_000

export const newRecord = (changes: Partial<Omit<UsageRecord, 'id'>> = {}): UsageRecord =>
  newUsageRecord({
    sink: 'stripe',
    tenant: fresh('tenant'),
    customer: 'cus_1',
    meter: 'calls',
    hour: 1_795_392_000_000,
    sequence: 0,
    quantity: 7n,
    ...changes,
  })

/** A ledger and an outbox on disk, and a clock that stands still. */
export function openBooks(time: number) {
  const directory = mkdtempSync(join(tmpdir(), 'percall-exporter-'))
  const ledger = createSqliteLedger({ path: join(directory, 'ledger.sqlite') })
  const outboxPath = join(directory, 'outbox.sqlite')
  const outbox = createSqliteOutbox({ path: outboxPath })
  const clock = { time }
  return {
    ledger,
    outbox,
    outboxPath,
    clock,
    now: () => clock.time,
    async close() {
      await Promise.all([ledger.close(), outbox.close()])
      rmSync(directory, { recursive: true })
    },
  }
}

export async function openTenant(ledger: Ledger, tenant = fresh('tenant')): Promise<string> {
  await ledger.putAccount({ tenant, currency: 'USD', mode: 'postpaid', limits: {} })
  return tenant
}

/** One call that was answered and charged. */
export async function sell(
  ledger: Ledger,
  tenant: string,
  { at, amount = 10n, rows = 1 }: { at: number; amount?: bigint; rows?: number },
): Promise<void> {
  const asked = newReservation(tenant, { hold: amount, now: at, leaseUntil: at + 30_000 })
  await ledger.reserve(asked)
  await ledger.settle(settlementOf(asked, { charge: amount, units: { calls: 1, rows }, now: at }))
}

/** Every tenant is the same customer, and meters are called what they count. */
export const toldOf = (
  customer: string,
  meters: readonly Measure[] = ['calls', 'micros'],
): Pick<Export, 'meters' | 'customerOf'> => ({
  meters: meters.map((name) => ({ name, measure: name })),
  customerOf: () => ({ id: customer }),
})

/** All records of a tenant at a sink. */
export const recordsOf = (outbox: Outbox, sink: string, tenant: string): Promise<OutboxRecord[]> =>
  outbox.records({ sink, tenant, from: 0, to: Number.MAX_SAFE_INTEGER })

export const sum = (numbers: readonly (number | bigint)[]): bigint =>
  numbers.reduce<bigint>((total, number) => total + BigInt(number), 0n)

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Ledger, Reservation, Settlement } from '#shared/metering/ledger.ts'
import { createSqliteLedger } from '#shared/metering/sqlite-ledger.ts'
import { newReservation, releaseOf, settlementOf } from '#test/metering/ledger-samples.ts'

/** A SQLite ledger on disk, and its end. */
export function newLedger() {
  const directory = mkdtempSync(join(tmpdir(), 'percall-account-'))
  const ledger = createSqliteLedger({ path: join(directory, 'ledger.sqlite') })
  return {
    ledger,
    async stop() {
      await ledger.close()
      rmSync(directory, { recursive: true })
    },
  }
}

/** A call that was sold. @returns the id of its charge */
export async function sell(
  ledger: Ledger,
  tenant: string,
  settlement: Partial<Settlement> = {},
  reservation: Partial<Reservation> = {},
): Promise<string> {
  const charge = settlement.charge ?? 10n
  const asked = newReservation(tenant, { hold: charge, ...reservation })
  const outcome = await ledger.reserve(asked)
  if (outcome.kind !== 'reserved') throw new Error(outcome.kind)
  await ledger.settle(settlementOf(asked, { charge, ...settlement }))
  return asked.requestKey
}

/** A call that failed, or that was the caller's mistake. */
export async function fail(
  ledger: Ledger,
  tenant: string,
  release: Parameters<typeof releaseOf>[1] = {},
): Promise<void> {
  const asked = newReservation(tenant)
  await ledger.reserve(asked)
  await ledger.release(releaseOf(asked, release))
}

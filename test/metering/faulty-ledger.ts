import { ServiceError } from '#shared/errors/service-error.ts'
import type { Ledger } from '#shared/metering/ledger.ts'
import type { Random } from '#test/simulator/random.ts'

export interface LedgerFaults {
  /** Failed before they had any effect. */
  lost: number
  /** Done, and reported as failed. */
  unheard: number
}

/**
 * A ledger of which a share of the operations fail, each before or after its effect. One that fails
 * may fail again when it is repeated, so that now and then no attempt is left.
 */
export function createFaultyLedger(ledger: Ledger, random: Random, share: number) {
  const faults: LedgerFaults = { lost: 0, unheard: 0 }
  const failing = new Map<string, number>()

  async function unsurely<Outcome>(name: string, operation: () => Promise<Outcome>) {
    const times = failing.get(name) ?? (random.chance(share) ? random.integer(1, 4) : 0)
    failing.delete(name)
    if (times === 0) return operation()
    if (times > 1) failing.set(name, times - 1)
    const isLost = random.chance(0.5)
    faults[isLost ? 'lost' : 'unheard'] += 1
    if (!isLost) await operation()
    throw new ServiceError('store_unavailable')
  }

  const faulty: Ledger = {
    ...ledger,
    reserve: (asked) => unsurely(`reserve ${asked.requestKey}`, () => ledger.reserve(asked)),
    settle: (asked) => unsurely(`settle ${asked.requestKey}`, () => ledger.settle(asked)),
    release: (asked) => unsurely(`release ${asked.requestKey}`, () => ledger.release(asked)),
    sell: (charge) => unsurely(`sell ${charge.id}`, () => ledger.sell(charge)),
    renew: (lease) => unsurely(`renew ${lease.requestKey}`, () => ledger.renew(lease)),
    account: (tenant) => unsurely(`account ${tenant}`, () => ledger.account(tenant)),
  }
  return { ledger: faulty, faults }
}

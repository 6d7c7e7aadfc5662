import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Ledger } from '#shared/metering/ledger.ts'
import { createMeter, type Meter } from '#shared/metering/metered-call.ts'
import type { PriceBook } from '#shared/metering/price-book.ts'
import type { SaleOutbox } from '#shared/metering/sale-outbox.ts'
import { createTrustedMeter } from '#shared/metering/trusted-meter.ts'

/** DynamoDB's client tries for 3 s by itself: more of that would outlast a function of 10 s. */
const storeAttempts = 2

/**
 * The meter with the world's own clock and randomness. Without an outbox every call fails closed
 * while the ledger does not answer.
 */
export function openMeter(ledger: Ledger, prices: PriceBook, outbox?: SaleOutbox): Meter {
  const options = { ledger, prices, newId: newFence, sleep, storeAttempts }
  return outbox ? createTrustedMeter({ ...options, outbox }) : createMeter(options)
}

/** The name of an attempt: fresh, unguessable. */
export const newFence = (): string => randomBytes(16).toString('hex')

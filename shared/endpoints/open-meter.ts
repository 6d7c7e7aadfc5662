import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Ledger } from '#shared/metering/ledger.ts'
import { createMeter, type Meter } from '#shared/metering/metered-call.ts'
import type { PriceBook } from '#shared/metering/price-book.ts'

/** The meter with the world's own clock and randomness. */
export const openMeter = (ledger: Ledger, prices: PriceBook): Meter =>
  createMeter({ ledger, prices, newId: () => randomBytes(16).toString('hex'), sleep })

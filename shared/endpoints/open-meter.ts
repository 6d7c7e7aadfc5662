import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { createLeasedMeter, type LeasedMeter } from '#shared/metering/leased-meter.ts'
import type { Ledger } from '#shared/metering/ledger.ts'
import { createMeter, type Meter } from '#shared/metering/metered-call.ts'
import type { PriceBook } from '#shared/metering/price-book.ts'
import { createRecentAccounts } from '#shared/metering/recent-accounts.ts'
import type { SaleOutbox } from '#shared/metering/sale-outbox.ts'
import { createSingleWriteMeter } from '#shared/metering/single-write-meter.ts'
import { createTrustedMeter } from '#shared/metering/trusted-meter.ts'
import type { Logger } from '#shared/observability/logger.ts'

/** DynamoDB's client tries for 3 s by itself: more of that would outlast a function of 10 s. */
const storeAttempts = 2

const worldOf = (ledger: Ledger, prices: PriceBook) => ({
  ledger,
  prices,
  newId: newFence,
  sleep,
  storeAttempts,
})

/**
 * The meter with the world's own clock and randomness. It holds no money of many calls: a function
 * may be frozen before it has settled them. While the ledger does not answer it fails closed, but for
 * calls that may wait in the outbox, where there is one.
 */
export const openMeter = (ledger: Ledger, prices: PriceBook, outbox?: SaleOutbox): Meter =>
  meterOfSingleCalls(worldOf(ledger, prices), outbox).meter

export interface HostMeterOptions {
  readonly ledger: Ledger
  readonly prices: PriceBook
  readonly outbox: SaleOutbox
  readonly logger: Pick<Logger, 'error'>
}

/** The meter of a host: it outlives its calls. */
export function openHostMeter({ ledger, prices, outbox, logger }: HostMeterOptions): LeasedMeter {
  const world = worldOf(ledger, prices)
  return createLeasedMeter({
    ...world,
    ...meterOfSingleCalls(world, outbox),
    idle: (ms) => sleep(ms, undefined, { ref: false }),
    onLost: ({ tenant, calls }) =>
      logger.error('calls of a block could not be charged', { tenant, detail: `${calls} calls` }),
  })
}

function meterOfSingleCalls(world: ReturnType<typeof worldOf>, outbox?: SaleOutbox) {
  const trusted = outbox && createTrustedMeter({ ...world, outbox })
  const strict = trusted ?? createMeter(world)
  const readAccount = createRecentAccounts({ ledger: trusted ?? world.ledger })
  // While the ledger is down, the strict meter says who is served.
  const recentAccount = (tenant: string) => readAccount(tenant).catch(() => undefined)
  return {
    recentAccount,
    meter: createSingleWriteMeter({ ...world, recentAccount, meter: strict }),
  }
}

/** The name of an attempt: fresh, unguessable. */
export const newFence = (): string => randomBytes(16).toString('hex')

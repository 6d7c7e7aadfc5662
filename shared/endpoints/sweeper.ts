import { type CapWatchOptions, createCapWatch } from '#shared/account/watch-caps.ts'
import { drainOutbox } from '#shared/metering/drain-outbox.ts'
import type { SaleOutbox } from '#shared/metering/sale-outbox.ts'
import { type SweepReport, sweep } from '#shared/metering/sweep.ts'
import { lambdaServices } from './lambda-services.ts'
import type { PrunedLedger } from './open-ledger.ts'
import { newFence } from './open-meter.ts'
import { repeatedly } from './repeatedly.ts'

/** Of the function's 55 s; what is left waits a minute. */
const drainMs = 40_000

export interface SweepingServices extends CapWatchOptions {
  readonly ledger: PrunedLedger
  /** What was sold while the ledger did not answer. */
  readonly outbox?: SaleOutbox | undefined
}

/**
 * The sweep as a Lambda handler on a schedule, with what was sold on trust, and the alerts of caps in
 * its log. A failed one is simply followed by the next.
 */
export function onSchedule(
  services: SweepingServices = lambdaServices(),
): () => Promise<SweepReport> {
  const { ledger, outbox } = services
  const watchCaps = createCapWatch(services)
  return async () => {
    const drain = { ledger, newId: newFence, longestMs: drainMs }
    const chores = [
      sweep({ ledger }),
      watchCaps(),
      outbox && drainOutbox({ ...drain, outbox }),
    ] as const
    // One that fails keeps none of the others from its end.
    await Promise.allSettled(chores)
    const [report] = await Promise.all(chores)
    return report
  }
}

/**
 * The sweep on one machine: at once, then every `everyMs`. Returns what stops it, and waits for
 * the one that is under way: the stores are closed behind it.
 */
export function startSweeping(services: SweepingServices, everyMs = 10_000): () => Promise<void> {
  const { ledger, outbox, logger } = services
  const watchCaps = createCapWatch(services)
  const run = async () => {
    try {
      if (outbox) await drainOutbox({ ledger, outbox, newId: newFence })
      await sweep({ ledger })
      await ledger.prune?.(Date.now())
      await watchCaps()
    } catch (cause) {
      logger.error('the sweep failed', { cause })
    }
  }
  return repeatedly(run, everyMs)
}

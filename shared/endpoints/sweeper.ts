import { type CapWatchOptions, createCapWatch } from '#shared/account/watch-caps.ts'
import { type SweepReport, sweep } from '#shared/metering/sweep.ts'
import { lambdaServices } from './lambda-services.ts'
import type { PrunedLedger } from './open-ledger.ts'

/**
 * The sweep as a Lambda handler on a schedule, and the alerts of caps in its log. A failed one is
 * simply followed by the next.
 */
export function onSchedule(
  services: CapWatchOptions = lambdaServices(),
): () => Promise<SweepReport> {
  const watchCaps = createCapWatch(services)
  return async () => {
    const report = await sweep(services)
    await watchCaps()
    return report
  }
}

export interface SweepingServices extends CapWatchOptions {
  readonly ledger: PrunedLedger
}

/** The sweep on one machine: at once, then every `everyMs`. Returns what stops it. */
export function startSweeping(services: SweepingServices, everyMs = 10_000): () => void {
  const { ledger, logger } = services
  const watchCaps = createCapWatch(services)
  const run = async () => {
    try {
      await sweep({ ledger })
      await ledger.prune?.(Date.now())
      await watchCaps()
    } catch (cause) {
      logger.error('the sweep failed', { cause })
    }
  }
  void run()
  const timer = setInterval(run, everyMs).unref()
  return () => clearInterval(timer)
}

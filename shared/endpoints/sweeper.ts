import { type SweepReport, sweep } from '#shared/metering/sweep.ts'
import type { Logger } from '#shared/observability/logger.ts'
import { lambdaServices } from './lambda-services.ts'
import type { PrunedLedger } from './open-ledger.ts'

/** The sweep as a Lambda handler on a schedule. A failed one is simply followed by the next. */
export function onSchedule({ ledger } = lambdaServices()): () => Promise<SweepReport> {
  return () => sweep({ ledger })
}

/** The sweep on one machine: at once, then every `everyMs`. Returns what stops it. */
export function startSweeping(ledger: PrunedLedger, logger: Logger, everyMs = 10_000): () => void {
  const run = async () => {
    try {
      await sweep({ ledger })
      await ledger.prune?.(Date.now())
    } catch (cause) {
      logger.error('the sweep failed', { cause })
    }
  }
  void run()
  const timer = setInterval(run, everyMs).unref()
  return () => clearInterval(timer)
}

import type { Logger } from '#shared/observability/logger.ts'
import type { CapAlert } from './cap-alerts.ts'

/** Writes each alert into the log once a process: when its level is reached, not while it lasts. */
export function createAlertLog(logger: Logger, maxRemembered = 10_000) {
  const told = new Map<string, number>()

  return (alerts: readonly CapAlert[]): void => {
    for (const { tenant, scope, id, kind, period, used, limit, level } of alerts) {
      const name = JSON.stringify([tenant, scope, id, kind, period])
      if ((told.get(name) ?? 0) >= level) continue
      told.set(name, level)
      const [oldest] = told.keys()
      if (told.size > maxRemembered && oldest !== undefined) told.delete(oldest)
      logger.warn('cap', {
        tenant,
        ...(scope === 'key' && { keyId: id }),
        detail: `${level} % of the ${kind} of this ${scope} in ${period}: ${used} of ${limit}`,
      })
    }
  }
}

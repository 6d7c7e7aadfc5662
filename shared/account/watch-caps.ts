import type { KeyStore } from '#shared/access/key-store.ts'
import type { Ledger } from '#shared/metering/ledger.ts'
import type { Logger } from '#shared/observability/logger.ts'
import { createAlertLog } from './alert-log.ts'
import { capAlerts } from './cap-alerts.ts'

export interface CapWatchOptions {
  readonly ledger: Ledger
  readonly keyStore: Pick<KeyStore, 'list'>
  readonly logger: Logger
}

/** Looks at the caps of all tenants, and logs each threshold once a process when it is reached. */
export function createCapWatch({ ledger, keyStore, logger }: CapWatchOptions) {
  const tell = createAlertLog(logger)
  return async (now = Date.now()): Promise<void> => {
    for (const tenant of await ledger.tenants()) {
      tell(await capAlerts({ ledger, keyStore }, tenant, now))
    }
  }
}

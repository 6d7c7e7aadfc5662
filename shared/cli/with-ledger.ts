import type { Environment } from '#shared/config/environment.ts'
import { openLedger } from '#shared/endpoints/open-ledger.ts'
import type { Ledger } from '#shared/metering/ledger.ts'

/** Does something with the ledger of this machine, or of the table that `PERCALL_LEDGER` names. */
export async function withLedger<Result>(
  environment: Environment,
  use: (ledger: Ledger) => Promise<Result>,
): Promise<Result> {
  const ledger = await openLedger(environment)
  try {
    return await use(ledger)
  } finally {
    await ledger.close()
  }
}

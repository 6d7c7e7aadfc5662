import type { Caller } from '#shared/access/caller.ts'
import type { PaidCall } from '#shared/metering/metered-call.ts'
import { bookedUnder, partiesOf } from './parties-of.ts'

export type Payer = Pick<PaidCall, 'tenant' | 'keyId' | 'project' | 'parties' | 'free'>

/** Who pays for what a caller orders, and within which limits. */
export const payerOf = (caller: Caller): Payer => ({
  tenant: caller.tenant,
  keyId: bookedUnder(caller),
  project: caller.project,
  parties: partiesOf(caller),
  free: caller.mode === 'test',
})

import type { Caller } from '#shared/access/caller.ts'
import type { LimitedParty } from '#shared/metering/counter-holds.ts'

/** The name under which a caller's calls are booked: its key, or the subject of its token. */
export const bookedUnder = (caller: Caller): string =>
  caller.method === 'api-key' ? caller.keyId : caller.subject

/** Who is limited by a call of this caller, beside its tenant. */
export function partiesOf(caller: Caller): LimitedParty[] {
  const { tenant, limits = {} } = caller
  const counted = caller.method === 'api-key' ? caller.countedAs : undefined
  return [{ scope: 'key', id: `${tenant}/${counted ?? bookedUnder(caller)}`, limits }]
}

import type { AccountLimits, CallLimits, CounterHold } from './ledger.ts'
import type { Micros } from './money.ts'

/** Who is limited, and to what. */
export interface LimitedParty {
  readonly scope: CounterHold['scope']
  /** Unique among all tenants, e.g. `acme/key-1`. */
  readonly id: string
  readonly limits: CallLimits
  /** Micros that it may ever spend. */
  readonly total?: Micros | undefined
}

/** The projects of a tenant that are limited, or the one that a call is booked under. */
export function projectParties(
  tenant: string,
  { projects = {} }: AccountLimits,
  only?: string,
): LimitedParty[] {
  return Object.entries(projects)
    .filter(([name]) => only === undefined || name === only)
    .map(([name, limits]) => ({ scope: 'project', id: `${tenant}/${name}`, limits }))
}

/** All whose limits hold for a call: its key, the project that it is booked under, its tenant. */
export const limitedParties = (
  { tenant, project, parties }: Payer,
  limits: AccountLimits,
): LimitedParty[] => [
  ...parties,
  ...(project === undefined ? [] : projectParties(tenant, limits, project)),
  { scope: 'tenant', id: tenant, limits },
]

interface Payer {
  readonly tenant: string
  readonly project: string | undefined
  readonly parties: readonly LimitedParty[]
}

/** Whether a party may call as often and spend as much as it likes; its rate is another matter. */
export const isUncapped = ({ limits, total }: Pick<LimitedParty, 'limits' | 'total'>): boolean =>
  limits.monthlySpend === undefined && total === undefined && isUncounted(limits)

/** Whether only money is limited. */
export const isUncounted = ({ dailyCalls, concurrency }: CallLimits): boolean =>
  dailyCalls === undefined && concurrency === undefined

/**
 * The counters that a call moves: for each party its money of the month, its calls of the day and
 * its calls at a time, each only where it is limited, since every counter costs a write.
 */
export function counterHolds(
  parties: readonly LimitedParty[],
  hold: Micros,
  now: number,
  calls = 1,
): CounterHold[] {
  const time = new Date(now).toISOString()
  return parties.flatMap(({ scope, id, limits, total }) => {
    const counter = (
      kind: CounterHold['kind'],
      period: string,
      amount: bigint,
      limit: bigint | number | undefined,
    ): CounterHold[] =>
      limit === undefined
        ? []
        : [{ id: `${scope}:${id}:${kind}${period}`, scope, kind, amount, limit: BigInt(limit) }]
    return [
      ...counter('spend', `:${time.slice(0, 7)}`, hold, limits.monthlySpend),
      ...counter('spend', ':total', hold, total),
      ...counter('calls', `:${time.slice(0, 10)}`, BigInt(calls), limits.dailyCalls),
      ...counter('concurrency', '', 1n, limits.concurrency),
    ]
  })
}

import type { KeyStore } from '#shared/access/key-store.ts'
import { counterHolds, type LimitedParty, projectParties } from '#shared/metering/counter-holds.ts'
import type { CounterHold, Ledger } from '#shared/metering/ledger.ts'

/** A cap that is used to a half at least. */
export interface CapAlert {
  readonly tenant: string
  readonly scope: CounterHold['scope']
  /** Of a key its id; of a project or tenant its name. */
  readonly id: string
  readonly kind: 'spend' | 'calls'
  /** The month or day that it counts, e.g. `2026-11`. */
  readonly period: string
  readonly used: bigint
  readonly limit: bigint
  /** The highest threshold that is reached. */
  readonly level: (typeof alertLevels)[number]
}

/** Percent of a cap at which its owner is told. */
export const alertLevels = [100, 80, 50] as const

/** The caps of a tenant, its projects and its keys that are used to 50, 80 or 100 percent in this period. */
export async function capAlerts(
  { ledger, keyStore }: { ledger: Ledger; keyStore: Pick<KeyStore, 'list'> },
  tenant: string,
  now: number,
): Promise<CapAlert[]> {
  const [account, keys] = await Promise.all([ledger.account(tenant), keyStore.list(tenant)])
  const parties: (LimitedParty & { name: string })[] = [
    { scope: 'tenant', id: tenant, name: tenant, limits: account?.limits ?? {} },
    ...projectParties(tenant, account?.limits ?? {}).map((party) => ({
      ...party,
      name: party.id.slice(tenant.length + 1),
    })),
    ...keys
      .filter(({ limits, revokedAt, expiresAt }) => {
        return limits && revokedAt === undefined && (expiresAt === undefined || expiresAt > now)
      })
      // The name under which the meter counts a key's calls.
      .map(({ id, countedAs, limits = {} }) => ({
        scope: 'key' as const,
        id: `${tenant}/${countedAs ?? id}`,
        name: id,
        limits,
      })),
  ]
  const counters = parties.flatMap((party) =>
    counterHolds([party], 0n, now).map((counter) => ({ ...counter, name: party.name })),
  )
  const used = await ledger.counters(counters.map(({ id }) => id))
  return counters.flatMap(({ id, scope, kind, limit, name }, at) => {
    if (kind === 'concurrency' || limit === undefined) return []
    const amount = used[at] ?? 0n
    const level = alertLevels.find((percent) => amount * 100n >= limit * BigInt(percent))
    const period = id.slice(id.lastIndexOf(':') + 1)
    return level === undefined || amount === 0n
      ? []
      : [{ tenant, scope, id: name, kind, period, used: amount, limit, level }]
  })
}

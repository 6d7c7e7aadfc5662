import type { AccountMode, CallLimits } from '#shared/metering/ledger.ts'
import type { Random } from './random.ts'

/** How the network and the processes behave, as probabilities a call of the ledger. */
export interface Weather {
  readonly name: string
  /** Never reaches the store. */
  readonly requestLost: number
  /** Is done, and nobody learns of it. */
  readonly replyLost: number
  /** The caller gives up, and it is done later. */
  readonly late: number
  /** Is done, and later once more. */
  readonly twice: number
  /** Takes seconds instead of milliseconds. */
  readonly slow: number
  /** The caller dies, at every await. */
  readonly crash: number
}

export interface TenantPlan {
  readonly name: string
  readonly mode: AccountMode
  readonly limits: CallLimits
  readonly keyLimits: readonly CallLimits[]
  readonly projectLimits: CallLimits
  readonly credits: readonly { readonly amount: bigint; readonly expiresInMs: number | undefined }[]
}

export interface TryPlan {
  readonly atMs: number
  readonly node: number
  /** Not the same in every try, so that it matters which of them is charged. */
  readonly rows: number
  readonly computeMs: number
  readonly runMs: number
  /** Says while it runs that it does. */
  readonly renews: boolean
  readonly fate: 'answers' | 'breaks' | 'times-out'
}

export interface ClientPlan {
  readonly name: string
  readonly tenant: TenantPlan
  readonly key: number
  readonly free: boolean
  readonly kind: 'keyed' | 'counted' | 'plain'
  /** Few, so that clients meet. */
  readonly idempotencyKey: string
  /** `bad` is the caller's mistake. */
  readonly payload: 'good' | 'fine' | 'bad'
  readonly priceName: 'flat' | 'rows' | 'compute'
  readonly tries: readonly TryPlan[]
  /** Asks again although it has its answer. */
  readonly persists: boolean
}

export type PostingPlan = {
  readonly atMs: number
  readonly node: number
  readonly tenant: TenantPlan
  readonly kind: 'topup' | 'refund'
  readonly amount: bigint
  readonly expiresInMs: number | undefined
}

export interface Scenario {
  readonly start: number
  readonly weather: Weather
  /** Off by how much; what runs on a node sees its clock. */
  readonly skewsMs: readonly number[]
  readonly clockJumps: readonly { atMs: number; node: number; toMs: number }[]
  /** Every clock shows the true time. */
  readonly hasTrueClocks: boolean
  readonly tenants: readonly TenantPlan[]
  readonly clients: readonly ClientPlan[]
  readonly postings: readonly PostingPlan[]
  readonly sweeps: readonly { atMs: number; node: number }[]
  readonly auditAtMs: number
}

export const timeoutMs = 4_000

const calm = { requestLost: 0, replyLost: 0, late: 0, twice: 0, slow: 0, crash: 0 }
export const fair: Weather = { ...calm, name: 'fair' }
const weathers: [Weather, ...Weather[]] = [
  fair,
  {
    name: 'usual',
    requestLost: 0.08,
    replyLost: 0.08,
    late: 0.02,
    twice: 0.02,
    slow: 0.04,
    crash: 0.04,
  },
  {
    name: 'rough',
    requestLost: 0.2,
    replyLost: 0.25,
    late: 0.1,
    twice: 0.1,
    slow: 0.1,
    crash: 0.06,
  },
  { ...calm, name: 'deaf', replyLost: 0.5, late: 0.1 },
  { ...calm, name: 'deadly', crash: 0.12, slow: 0.05 },
]

/** Noon of an ordinary day, and half a minute before a month, a day and two prices end. */
const starts: [number, number] = [Date.UTC(2026, 10, 23, 12), Date.UTC(2026, 10, 30, 23, 59, 30)]
const nodes = 3
const minute = 60 * 1_000
const largestSkewMs = 5 * minute

/** What will be asked, by whom and when; what then goes wrong is drawn as it happens. */
export function drawScenario(random: Random): Scenario {
  const { chance, integer, pick } = random
  const tenants = [drawTenant(random, 'prepaid'), drawTenant(random, 'postpaid')] as const
  // Most of what can go wrong with money needs credit that can run out.
  const tenant = () => tenants[chance(0.7) ? 0 : 1]
  const horizonMs = pick([2_000, 20_000, 60_000])
  const when = () => integer(0, horizonMs)
  const node = () => integer(0, nodes - 1)
  const hasTrueClocks = chance(0.4)
  const skew = () => (hasTrueClocks ? 0 : integer(-largestSkewMs, largestSkewMs))
  const many = <Item>(from: number, to: number, draw: (index: number) => Item): Item[] =>
    Array.from({ length: integer(from, to) }, (_, index) => draw(index))

  return {
    start: pick(starts),
    weather: pick(weathers),
    skewsMs: Array.from({ length: nodes }, skew),
    clockJumps: hasTrueClocks
      ? []
      : many(0, 2, () => ({ atMs: when(), node: node(), toMs: skew() })),
    hasTrueClocks,
    tenants,
    clients: many(1, 5, (index) => drawClient(random, `c${index + 1}`, tenant(), horizonMs)),
    postings: many(0, 3, () => ({
      atMs: when(),
      node: node(),
      tenant: tenant(),
      kind: pick(['topup', 'refund', 'refund']),
      amount: BigInt(integer(1, 40)),
      expiresInMs: expiry(random),
    })),
    sweeps: many(0, 4, () => ({ atMs: pick([integer(0, 90_000), horizonMs]), node: node() })),
    auditAtMs: when(),
  }
}

function drawTenant(random: Random, mode: AccountMode): TenantPlan {
  const { chance, integer } = random
  const limits = (likely: number): CallLimits => ({
    ...(chance(likely) && { monthlySpend: BigInt(integer(10, 120)) }),
    ...(chance(likely) && { dailyCalls: integer(1, 5) }),
    ...(chance(likely) && { concurrency: integer(1, 3) }),
  })
  const credits = mode === 'prepaid' ? [1, 2, 3].slice(0, integer(0, 3)) : []
  return {
    name: mode,
    mode,
    limits: limits(mode === 'postpaid' ? 0.5 : 0.1),
    keyLimits: [limits(0.2), limits(0.2)],
    projectLimits: limits(0.1),
    credits: credits.map(() => ({
      amount: BigInt(integer(1, 80)),
      expiresInMs: expiry(random),
    })),
  }
}

/** Around the moment when a sweeper with a right clock takes it, some minutes after its date. */
const expiry = ({ chance, integer }: Random) =>
  chance(0.5) ? integer(-10 * minute, 2 * minute) : undefined

function drawClient(
  { chance, integer, pick }: Random,
  name: string,
  tenant: TenantPlan,
  horizonMs: number,
): ClientPlan {
  let atMs = integer(0, horizonMs)
  const gapMs = pick([0, 300, 5_000, 30_000])
  const drawTry = (): TryPlan => {
    const rows = integer(1, 12)
    const plan: TryPlan = {
      atMs,
      node: integer(0, nodes - 1),
      rows,
      renews: rows % 2 === 0,
      computeMs: integer(0, 30),
      runMs: pick([5, 50, 500, 5_000, chance(0.4) ? 60_000 : 12_000]),
      fate: pick(['answers', 'answers', 'answers', 'answers', 'breaks', 'times-out']),
    }
    atMs += integer(0, gapMs)
    return plan
  }
  return {
    name,
    tenant,
    key: integer(0, 1),
    free: chance(0.05),
    kind: pick(['keyed', 'keyed', 'keyed', 'counted', 'counted', 'plain']),
    idempotencyKey: pick(['i1', 'i1', 'i2', 'i3']),
    payload: pick(['good', 'good', 'good', 'fine', 'bad']),
    priceName: pick(['flat', 'rows', 'compute']),
    tries: Array.from({ length: integer(1, 4) }, drawTry),
    persists: chance(0.3),
  }
}

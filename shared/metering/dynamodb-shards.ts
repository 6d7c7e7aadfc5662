import type { Micros } from './money.ts'

/** What one shard of a balance gives. */
export interface Share {
  readonly shard: number
  readonly amount: Micros
}

/** The shard that holds a hold, and what others give it for that. */
export interface HoldPlan {
  readonly home: number
  readonly shares: readonly Share[]
}

export interface HoldNeed {
  /** The shard that was chosen. */
  readonly home: number
  readonly hold: Micros
  /** How many shards are in use: those above are left from when there were more. */
  readonly inUse: number
  /** Whether others have changed what an earlier plan needed. */
  readonly rivals: boolean
}

/**
 * How to pay a hold that the chosen shard could not: the richest give first, and half of what each is
 * richer, so that the next calls find credit wherever they look. Who is no longer in use gives all.
 * Among rivals the richest shard itself takes the hold: that needs the fewest to stand still.
 *
 * @param available of each shard; together at least the hold
 */
export function planHold(
  available: readonly Micros[],
  { home: chosen, hold, inUse, rivals }: HoldNeed,
): HoldPlan {
  const richest = richestFirst(available)
  const home = rivals ? (richest.find(({ shard }) => shard < inUse)?.shard ?? chosen) : chosen
  let mine = available[home] ?? 0n
  const shares: Share[] = []
  for (const { shard, amount: credit } of richest) {
    if (mine >= hold) break
    if (shard === home) continue
    const wanted = shard >= inUse ? credit : larger((credit - mine) / 2n, hold - mine)
    const amount = smaller(credit, wanted)
    shares.push({ shard, amount })
    mine += amount
  }
  return { home, shares }
}

/** What shards give so that an amount comes together, which must be there: the richest first. */
export function takeCredit(available: readonly Micros[], amount: Micros): readonly Share[] {
  let missing = amount
  const shares: Share[] = []
  for (const { shard, amount: credit } of richestFirst(available)) {
    if (missing === 0n) break
    const taken = smaller(credit, missing)
    shares.push({ shard, amount: taken })
    missing -= taken
  }
  return shares
}

function richestFirst(available: readonly Micros[]): readonly Share[] {
  return available
    .map((amount, shard) => ({ shard, amount }))
    .filter(({ amount }) => amount > 0n)
    .sort((a, b) => (a.amount < b.amount ? 1 : a.amount > b.amount ? -1 : a.shard - b.shard))
}

const larger = (a: Micros, b: Micros) => (a > b ? a : b)
const smaller = (a: Micros, b: Micros) => (a < b ? a : b)

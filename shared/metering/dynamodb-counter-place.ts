import { attributes } from '#shared/aws/dynamodb-attributes.ts'
import type { DynamodbItem } from '#shared/aws/dynamodb-client.ts'
import type { CounterHold } from './ledger.ts'

/** A counter that a call moves, and the attribute of its party's item that it is. */
export interface PlacedCounter extends CounterHold {
  readonly name: string
}

/**
 * Where a counter lies: those of one party are attributes of one item, so that a call costs one write
 * for each party that is limited. `key:k1:spend:2026-11` is `spend_2026_11` of `key:k1`; the period
 * stays in the name, so a new one begins at 0 by itself, and a hold of the old one returns to it.
 */
export function counterPlace(id: string): { party: string; name: string } {
  const parts = /^(.*):(spend|calls|concurrency)(?::([a-z\d-]+))?$/s.exec(id)
  if (!parts) return { party: id, name: 'used' }
  const [, party = '', kind = '', period] = parts
  return { party, name: period === undefined ? kind : `${kind}_${period.replaceAll('-', '_')}` }
}

/** The counters of each party, in the order of its first. */
export function countersByParty(counters: readonly CounterHold[]): Map<string, PlacedCounter[]> {
  const parties = new Map<string, PlacedCounter[]>()
  for (const counter of counters) {
    const { party, name } = counterPlace(counter.id)
    parties.set(party, [...(parties.get(party) ?? []), { ...counter, name }])
  }
  return parties
}

/** What is used of a counter of a party. */
export const usedOf = (item: DynamodbItem | undefined, name: string): bigint =>
  item?.[name] ? attributes.readBigint(item, name) : 0n

/**
 * Which attributes of an item can go when these begin. Before each of them one older of its kind
 * stays: a clock may be behind, and holds of yesterday are settled today.
 */
export function outdatedCounters(there: readonly string[], begin: readonly string[]): string[] {
  return begin.filter(isDated).flatMap((name) => {
    const kind = name.slice(0, name.indexOf('_') + 1)
    const older = there.filter((other) => isDated(other) && other.startsWith(kind) && other < name)
    return older.sort().slice(0, -1)
  })
}

/** `spend_2026_11`, and not `spend_total`. */
const isDated = (name: string) => /^[a-z]+_\d/.test(name)

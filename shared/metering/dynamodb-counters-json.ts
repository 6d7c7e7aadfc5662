import { counterPlace } from './dynamodb-counter-place.ts'
import type { CounterHold } from './ledger.ts'

/** Neighbours of one party share its name: with six of them a request stays below one paid KB. */
type Group = [party: string, scope: CounterHold['scope'], ...counters: Row[]]
/** The kind only where the name does not say it; an empty limit is none. */
type Row = [rest: string, amount: string, limit: string, kind?: CounterHold['kind']]

/** The counters of a request as one attribute, in their order. */
export const countersJson = {
  stringify(counters: readonly CounterHold[]): string {
    const groups: Group[] = []
    for (const { id, scope, kind, amount, limit } of counters) {
      const { party } = counterPlace(id)
      const row: Row = [id.slice(party.length), String(amount), String(limit ?? '')]
      if (kindOf(id) !== kind) row.push(kind)
      const last = groups.at(-1)
      if (last?.[0] === party && last[1] === scope) last.push(row)
      else groups.push([party, scope, row])
    }
    return JSON.stringify(groups)
  },

  parse(json: string): CounterHold[] {
    const groups: Group[] = JSON.parse(json)
    return groups.flatMap(([party, scope, ...rows]) =>
      rows.map(([rest, amount, limit, kind]) => ({
        id: `${party}${rest}`,
        scope,
        kind: kind ?? kindOf(`${party}${rest}`),
        amount: BigInt(amount),
        limit: limit === '' ? undefined : BigInt(limit),
      })),
    )
  },
}

const kindOf = (id: string) => counterPlace(id).name.split('_')[0] as CounterHold['kind']

import { attributes } from '#shared/aws/dynamodb-attributes.ts'
import type { DynamodbItem } from '#shared/aws/dynamodb-client.ts'
import type { WriteAction } from '#shared/aws/dynamodb-write.ts'
import { outdatedCounters, type PlacedCounter } from './dynamodb-counter-place.ts'
import { ledgerKeys } from './dynamodb-ledger-keys.ts'

const { number } = attributes

/** The writes that move counters: one for each party. */
export const counterActions = (table: string) => ({
  /**
   * Adds to counters of a party, if all of them stay within their limits. A counter begins where the
   * party is new, or where its item is known: the first call of a period is refused once, sees the
   * item, and removes what is outdated. So nothing is read for all the calls after it.
   */
  count(
    party: string,
    counters: readonly PlacedCounter[],
    standing: DynamodbItem | undefined,
  ): WriteAction {
    const names = counters.map(({ name }) => name)
    const outdated = outdatedCounters(Object.keys(standing ?? {}), names)
    return {
      table,
      target: { update: ledgerKeys.counters(party) },
      update: `ADD ${names.map((name) => `#${name} :${name}`)}${outdated.length > 0 ? ` REMOVE ${outdated.map((name) => `#${name}`)}` : ''}`,
      condition: counters.map((counter) => conditionOf(counter, standing)).join(' AND '),
      values: Object.fromEntries(
        counters.flatMap(({ name, amount, limit }) => [
          [`:${name}`, number(amount)],
          // Conditions have no arithmetic, so what may be used before is computed here.
          ...(limit === undefined ? [] : [[`:most_${name}`, number(limit - amount)]]),
        ]),
      ),
    }
  },

  /** Takes from counters of a party what they were given, if all of it is there. */
  uncount(
    party: string,
    amounts: readonly { readonly name: string; readonly amount: bigint }[],
  ): WriteAction {
    return {
      table,
      target: { update: ledgerKeys.counters(party) },
      update: `SET ${amounts.map(({ name }) => `#${name} = #${name} - :${name}`)}`,
      condition: amounts.map(({ name }) => `#${name} >= :${name}`).join(' AND '),
      values: Object.fromEntries(amounts.map(({ name, amount }) => [`:${name}`, number(amount)])),
    }
  },
})

function conditionOf({ name, amount, limit }: PlacedCounter, standing: DynamodbItem | undefined) {
  const within = limit === undefined ? `attribute_exists(#${name})` : `#${name} <= :most_${name}`
  // What is not there is 0, and 0 may be too much already.
  if (limit !== undefined && limit < amount) return within
  return `(${within} OR attribute_not_exists(${standing ? `#${name}` : '#pk'}))`
}

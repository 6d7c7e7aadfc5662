import { attributes } from '#shared/aws/dynamodb-attributes.ts'
import type { DynamodbClient } from '#shared/aws/dynamodb-client.ts'
import { writeTogether } from '#shared/aws/dynamodb-write.ts'
import type { Warmth } from '../warmth.ts'

export interface DynamodbWarmthOptions {
  readonly client: DynamodbClient
  /** The table of the calls. */
  readonly table: string
  readonly now?: () => number
}

/** What any instance holds ready: an item a model, which no instance shortens for another. */
export function createDynamodbWarmth({
  client,
  table,
  now = Date.now,
}: DynamodbWarmthOptions): Warmth {
  const { text, number, readNumber } = attributes
  const keyOf = (model: string) => ({ pk: text(`warm#${model}`) })
  return {
    async isWarm(model) {
      const input = { TableName: table, Key: keyOf(model), ConsistentRead: true }
      const { Item } = await client.call('GetItem', input)
      return Item !== undefined && readNumber(Item, 'until') > now()
    },
    async keep(model, forMs) {
      const until = now() + forMs
      const purgeAt = Math.ceil(until / 1_000)
      // Where that is refused, it is kept for longer already.
      await writeTogether(client, [
        {
          table,
          target: { put: { ...keyOf(model), until: number(until), purgeAt: number(purgeAt) } },
          condition: 'attribute_not_exists(#pk) OR #until < :until',
          values: { ':until': number(until) },
        },
      ])
    },
  }
}

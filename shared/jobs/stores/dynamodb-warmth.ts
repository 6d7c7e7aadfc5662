import { attributes } from '#shared/aws/dynamodb-attributes.ts'
import { type DynamodbClient, DynamodbRefusal } from '#shared/aws/dynamodb-client.ts'
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
      try {
        await client.call('PutItem', {
          TableName: table,
          Item: { ...keyOf(model), until: number(until), purgeAt: number(purgeAt) },
          ConditionExpression: 'attribute_not_exists(pk) OR #until < :until',
          ExpressionAttributeNames: { '#until': 'until' },
          ExpressionAttributeValues: { ':until': number(until) },
        })
      } catch (error) {
        // It is kept for longer already.
        if (!(error instanceof DynamodbRefusal)) throw error
      }
    },
  }
}

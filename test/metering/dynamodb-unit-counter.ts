import type { DynamodbClient, DynamodbItem } from '#shared/aws/dynamodb-client.ts'

export interface DynamodbUnits {
  readonly written: number
  readonly read: number
}

interface SentAction {
  readonly Put?: { readonly Item: DynamodbItem }
  readonly Update?: { readonly Key: DynamodbItem }
  readonly Get?: object
}

/**
 * Counts by DynamoDB's rules from what is really sent and stored: in a transaction 2 write units for
 * each started KB of an item, 1 for each item of an index, 1 read unit for a consistent read of a
 * small item, 2 of one in a transaction. DynamoDB Local counts transactions on indexed tables otherwise; of its own figures only
 * the indexes that it touched are used.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
 */
export function createUnitCounter(client: DynamodbClient, table: string) {
  const units = { written: 0, read: 0 }
  const counting: DynamodbClient = {
    async call(operation, input, options) {
      const counted = { ...input, ReturnConsumedCapacity: 'INDEXES' }
      const answer = await client.call(operation, counted, options)
      if (operation === 'GetItem' || operation === 'Query') units.read += 1
      const { TransactItems = [] }: { TransactItems?: readonly SentAction[] } = input
      for (const action of TransactItems) {
        if (action.Get) units.read += 2
        else units.written += 2 * (await kilobytesOf(action))
      }
      for (const { GlobalSecondaryIndexes = {} } of [answer.ConsumedCapacity ?? []].flat()) {
        units.written += Object.keys(GlobalSecondaryIndexes).length
      }
      return answer
    },
  }
  return {
    counting,
    async measure(run: () => Promise<unknown>): Promise<DynamodbUnits> {
      Object.assign(units, { written: 0, read: 0 })
      await run()
      return { ...units }
    },
  }

  /** Of the item as it is now: nothing here makes one smaller. */
  async function kilobytesOf({ Put, Update }: SentAction): Promise<number> {
    const { pk, sk } = Put?.Item ?? Update?.Key ?? {}
    const asked = { TableName: table, Key: { pk, sk }, ConsistentRead: true }
    const { Item = {} } = await client.call('GetItem', asked)
    return Math.ceil(sizeOf(Item) / 1_024)
  }
}

/** https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html */
function sizeOf(item: DynamodbItem): number {
  return Object.entries(item).reduce((size, [name, value]) => {
    if ('N' in value) return size + name.length + Math.ceil(value.N.length / 2) + 1
    const bytes = 'B' in value ? Buffer.byteLength(value.B, 'base64') : Buffer.byteLength(value.S)
    return size + name.length + bytes
  }, 0)
}

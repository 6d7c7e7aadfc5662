import type { DynamodbClient, DynamodbItem } from './dynamodb-client.ts'
import { attributeNames } from './dynamodb-write.ts'

/** In expressions `#name` is the attribute of that name, and `:name` one of `values`. */
export interface TableQuery {
  readonly table: string
  /** Default: the table itself, read consistently. An index may lag. */
  readonly index?: string | undefined
  readonly condition: string
  readonly filter?: string | undefined
  readonly values: DynamodbItem
  readonly newestFirst?: boolean | undefined
  /** So many items at most. */
  readonly limit?: number
  /** Items that are looked at in one go; what DynamoDB likes where it is absent. */
  readonly pageSize?: number | undefined
}

/**
 * Items in order; asks for the next page only when somebody wants it.
 * @throws ServiceError `store_unavailable`
 */
export async function* queryTable(
  client: DynamodbClient,
  query: TableQuery,
): AsyncGenerator<DynamodbItem, undefined> {
  const { table, index, condition, filter, values, newestFirst = false, pageSize } = query
  let left = query.limit ?? Number.POSITIVE_INFINITY
  let page: DynamodbItem | undefined
  do {
    const answer = await client.call('Query', {
      TableName: table,
      IndexName: index,
      ConsistentRead: index === undefined,
      ScanIndexForward: !newestFirst,
      KeyConditionExpression: condition,
      FilterExpression: filter,
      ExpressionAttributeNames: attributeNames(condition, filter),
      ExpressionAttributeValues: values,
      // Where some are passed over, more are looked at than are wanted.
      Limit: pageSize ?? (filter === undefined && Number.isFinite(left) ? left : undefined),
      ExclusiveStartKey: page,
    })
    const items = (answer.Items ?? []).slice(0, left)
    left -= items.length
    yield* items
    page = answer.LastEvaluatedKey
  } while (page && left > 0)
}

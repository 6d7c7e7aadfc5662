import {
  type CancellationReason,
  type DynamodbClient,
  type DynamodbItem,
  DynamodbRefusal,
} from './dynamodb-client.ts'

/**
 * One write on one item. In expressions `#name` is the attribute of that name, whether or not
 * DynamoDB has reserved the word, and `:name` one of `values`.
 */
export interface WriteAction {
  readonly table: string
  /** An item to put, or the key of one to update. */
  readonly target: { readonly put: DynamodbItem } | { readonly update: DynamodbItem }
  readonly update?: string
  readonly condition?: string
  readonly values?: DynamodbItem
}

export interface WriteOptions {
  /** The action whose item may be in use by others: then nothing is done, and nobody waits. */
  readonly impatientAt?: number | undefined
}

/** An action whose condition did not hold, and the item as it stood, if there was one. */
export interface RefusedAction {
  readonly item: DynamodbItem | undefined
}

/**
 * Runs all of the actions or none of them. One alone is a plain write, which costs half as much as
 * a transaction.
 *
 * @returns `undefined` where it was done, else what was refused, in the order of the actions; none of
 *   them where somebody uses the item of the impatient one
 * @throws ServiceError `store_unavailable`: whether it was done is unknown
 */
export async function writeTogether(
  client: DynamodbClient,
  actions: readonly WriteAction[],
  { impatientAt = -1 }: WriteOptions = {},
): Promise<readonly (RefusedAction | undefined)[] | undefined> {
  const [first] = actions
  if (!first) return undefined
  try {
    if (actions.length === 1) await client.call(`${nameOf(first)}Item`, toInput(first))
    else {
      const TransactItems = actions.map((action) => ({ [nameOf(action)]: toInput(action) }))
      const isTooBusy = (reasons: readonly CancellationReason[]) =>
        reasons[impatientAt]?.Code === 'TransactionConflict' &&
        reasons.slice(0, impatientAt).every(({ Code = 'None' }) => Code === 'None')
      await client.call('TransactWriteItems', { TransactItems }, { isTooBusy })
    }
    return undefined
  } catch (error) {
    if (!(error instanceof DynamodbRefusal)) throw error
    if (actions.length === 1) return [{ item: error.item }]
    return error.reasons.map(({ Code, Item }) =>
      Code === 'ConditionalCheckFailed' ? { item: Item } : undefined,
    )
  }
}

const nameOf = ({ target }: WriteAction) => ('put' in target ? 'Put' : 'Update')

const toInput = ({ table, target, update, condition, values }: WriteAction) => ({
  TableName: table,
  ...('put' in target ? { Item: target.put } : { Key: target.update }),
  UpdateExpression: update,
  ConditionExpression: condition,
  ExpressionAttributeNames: attributeNames(update, condition),
  ExpressionAttributeValues: values,
  ReturnValuesOnConditionCheckFailure: condition && 'ALL_OLD',
})

/** `{ '#state': 'state' }` for every such word; nothing where there is none. */
export function attributeNames(...expressions: readonly (string | undefined)[]) {
  const words = expressions.flatMap((text) => text?.match(/#\w+/g) ?? [])
  return words.length > 0 ? Object.fromEntries(words.map((w) => [w, w.slice(1)])) : undefined
}

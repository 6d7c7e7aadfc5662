import {
  type DynamodbClient,
  type DynamodbItem,
  DynamodbRefusal,
} from '#shared/aws/dynamodb-client.ts'
import { queryTable } from '#shared/aws/dynamodb-query.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { keyLimits } from './key-limits.ts'
import type { KeyChanges, KeyRecord, KeyStore, KeySummary } from './key-store.ts'
import { isScope } from './scopes.ts'

/** How long an expired key still answers "expired" before the table forgets it. */
const keptAfterExpiryMs = 90 * 24 * 60 * 60 * 1_000

/** Keys in the DynamoDB table that `resources.yml` declares. */
export function createDynamodbKeyStore(options: {
  readonly client: DynamodbClient
  readonly table: string
}): KeyStore {
  const { client, table: TableName } = options

  return {
    async put(record) {
      try {
        await client.call('PutItem', {
          TableName,
          Item: toItem(record),
          ConditionExpression: 'attribute_not_exists(id)',
          ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
        })
        return true
      } catch (error) {
        if (!(error instanceof DynamodbRefusal)) throw error
        // The same hash is the same key: an earlier attempt got through and its reply was lost.
        return error.item !== undefined && sameBytes(toRecord(error.item).hash, record.hash)
      }
    },

    async find(id) {
      const input = { TableName, Key: { id: { S: id } }, ConsistentRead: true }
      const { Item } = await client.call('GetItem', input)
      return Item && toRecord(Item)
    },

    async list(tenant) {
      const condition = '#tenant = :tenant'
      const values = { ':tenant': { S: tenant } }
      const query = { table: TableName, index: 'by-tenant', condition, values }
      const summaries = (await Array.fromAsync(queryTable(client, query))).map(toSummary)
      return summaries.sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1))
    },

    async change(id, changes) {
      const expression = updateOf(changes)
      if (expression) return update(id, expression.text, expression.values)
      const found = await this.find(id)
      if (!found) return undefined
      const { hash: _, ...summary } = found
      return summary
    },

    revoke: (id, at) =>
      update(id, 'SET revokedAt = if_not_exists(revokedAt, :at)', { ':at': { N: String(at) } }),
  }

  async function update(id: string, UpdateExpression: string, values: DynamodbItem) {
    try {
      const { Attributes } = await client.call('UpdateItem', {
        TableName,
        Key: { id: { S: id } },
        UpdateExpression,
        ConditionExpression: 'attribute_exists(id)',
        ...(Object.keys(values).length > 0 && { ExpressionAttributeValues: values }),
        ReturnValues: 'ALL_NEW',
      })
      return Attributes && toSummary(Attributes)
    } catch (error) {
      if (error instanceof DynamodbRefusal) return undefined
      throw error
    }
  }
}

/** `SET limits = :limits, … REMOVE models`; `undefined` where nothing changes. */
function updateOf({ limits, models, allowedIps, expiresAt }: KeyChanges) {
  const set: DynamodbItem = {
    ...(limits && { limits: { S: keyLimits.write(limits) } }),
    ...(models && { models: { S: JSON.stringify(models) } }),
    ...(allowedIps && { allowedIps: { S: JSON.stringify(allowedIps) } }),
    ...(expiresAt !== undefined && expiry(expiresAt)),
  }
  const removed = Object.entries({ limits, models, allowedIps }).flatMap(([name, value]) =>
    value === null ? [name] : [],
  )
  const names = Object.keys(set)
  const text = [
    ...(names.length > 0 ? [`SET ${names.map((name) => `${name} = :${name}`)}`] : []),
    ...(removed.length > 0 ? [`REMOVE ${removed}`] : []),
  ].join(' ')
  if (text === '') return undefined
  const values = Object.entries(set).map(([name, value]) => [`:${name}`, value] as const)
  return { text, values: Object.fromEntries(values) }
}

const expiry = (expiresAt: number): DynamodbItem => ({
  expiresAt: { N: String(expiresAt) },
  // Time to live is counted in seconds.
  purgeAt: { N: String(Math.ceil((expiresAt + keptAfterExpiryMs) / 1_000)) },
})

const toItem = (record: KeyRecord): DynamodbItem => ({
  id: { S: record.id },
  tenant: { S: record.tenant },
  name: { S: record.name },
  mode: { S: record.mode },
  hash: { B: Buffer.from(record.hash).toString('base64') },
  scopes: { S: record.scopes.join(' ') },
  createdAt: { N: String(record.createdAt) },
  ...(record.revokedAt !== undefined && { revokedAt: { N: String(record.revokedAt) } }),
  ...(record.expiresAt !== undefined && expiry(record.expiresAt)),
  ...(record.project !== undefined && { project: { S: record.project } }),
  ...(record.limits && { limits: { S: keyLimits.write(record.limits) } }),
  ...(record.models && { models: { S: JSON.stringify(record.models) } }),
  ...(record.lastFour !== undefined && { lastFour: { S: record.lastFour } }),
  ...(record.allowedIps && { allowedIps: { S: JSON.stringify(record.allowedIps) } }),
  ...(record.countedAs !== undefined && { countedAs: { S: record.countedAs } }),
  ...(record.pepperId !== undefined && { pepperId: { S: record.pepperId } }),
})

const toRecord = (item: DynamodbItem): KeyRecord => ({
  ...toSummary(item),
  hash: Buffer.from(read(item, 'hash', 'B'), 'base64'),
})

const toSummary = (item: DynamodbItem): KeySummary => ({
  id: read(item, 'id', 'S'),
  tenant: read(item, 'tenant', 'S'),
  name: read(item, 'name', 'S'),
  mode: read(item, 'mode', 'S') === 'live' ? 'live' : 'test',
  scopes: read(item, 'scopes', 'S').split(' ').filter(isScope),
  ...(item.project && { project: read(item, 'project', 'S') }),
  ...(item.limits && { limits: keyLimits.read(read(item, 'limits', 'S')) }),
  ...(item.models && { models: JSON.parse(read(item, 'models', 'S')) as string[] }),
  ...(item.lastFour && { lastFour: read(item, 'lastFour', 'S') }),
  ...(item.allowedIps && { allowedIps: JSON.parse(read(item, 'allowedIps', 'S')) as string[] }),
  ...(item.countedAs && { countedAs: read(item, 'countedAs', 'S') }),
  ...(item.pepperId && { pepperId: read(item, 'pepperId', 'S') }),
  createdAt: Number(read(item, 'createdAt', 'N')),
  ...(item.expiresAt && { expiresAt: Number(read(item, 'expiresAt', 'N')) }),
  ...(item.revokedAt && { revokedAt: Number(read(item, 'revokedAt', 'N')) }),
})

function read(item: DynamodbItem, name: string, type: 'S' | 'N' | 'B'): string {
  const value: Partial<Record<'S' | 'N' | 'B', string>> = item[name] ?? {}
  const text = value[type]
  if (text !== undefined) return text
  throw new ServiceError('store_unavailable', {
    cause: new Error(`A key in the table has no attribute "${name}" of type ${type}.`),
  })
}

const sameBytes = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0

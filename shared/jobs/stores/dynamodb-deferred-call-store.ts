import { createHash } from 'node:crypto'
import { attributes } from '#shared/aws/dynamodb-attributes.ts'
import type { DynamodbClient, DynamodbItem } from '#shared/aws/dynamodb-client.ts'
import { queryTable, type TableQuery } from '#shared/aws/dynamodb-query.ts'
import { type WriteAction, writeTogether } from '#shared/aws/dynamodb-write.ts'
import { attentionAt, retentionMs } from '../attention-at.ts'
import { type DeferredCall, hasEnded, positionOf, readyAt, turnOf } from '../deferred-call.ts'
import { deferredCallJson } from '../deferred-call-json.ts'
import type { DeferredCallStore } from '../deferred-call-store.ts'

export interface DynamodbDeferredCallStoreOptions {
  readonly client: DynamodbClient
  /** The table that `resources.yml` declares. */
  readonly table: string
}

const { text, number, readText, readNumber } = attributes

/** What is due lies in so many partitions, since every change moves it. */
const groups = 8
/** Calls read at a time. */
const readTogether = 20

/** Calls in one DynamoDB table, for any number of functions at once. */
export function createDynamodbDeferredCallStore({
  client,
  table,
}: DynamodbDeferredCallStoreOptions): DeferredCallStore {
  async function find(id: string): Promise<DeferredCall | undefined> {
    const input = { TableName: table, Key: keyOf(id), ConsistentRead: true }
    const { Item } = await client.call('GetItem', input)
    return Item && toCall(Item)
  }

  /** @returns whether the condition held, also where the answer to the first attempt was lost */
  async function put(call: DeferredCall, how: Pick<WriteAction, 'condition' | 'values'>) {
    const item = toItem(call)
    const refused = await writeTogether(client, [{ table, target: { put: item }, ...how }])
    return !refused || Object(refused[0]?.item?.call).S === Object(item.call).S
  }

  /** Of an index only the keys are read: what it holds may be older than the calls themselves. */
  async function findAll(items: readonly DynamodbItem[]): Promise<DeferredCall[]> {
    const calls: DeferredCall[] = []
    for (let start = 0; start < items.length; start += readTogether) {
      const some = items.slice(start, start + readTogether)
      const found = await Promise.all(some.map((item) => find(readId(item))))
      calls.push(...found.filter((call) => call !== undefined))
    }
    return calls
  }

  /** Items of an index in order, up to so many. */
  const query = (input: IndexQuery, limit: number): Promise<DynamodbItem[]> =>
    Array.fromAsync(queryTable(client, { ...input, table, limit }))

  return {
    find,
    create: (call) => put(call, { condition: 'attribute_not_exists(#pk)' }),
    replace(call) {
      const values = { ':seen': number(call.revision - 1) }
      return put(call, { condition: '#revision = :seen', values })
    },

    async list({ tenant, after, limit }) {
      const last = after === undefined ? undefined : await find(after)
      if (after !== undefined && last?.order.caller.tenant !== tenant) {
        return { calls: [], more: false }
      }
      const items = await query(
        {
          index: 'tenants',
          condition: `#tenant = :tenant${last ? ' AND #position < :last' : ''}`,
          values: { ':tenant': text(tenant), ...(last && { ':last': text(positionOf(last)) }) },
          newestFirst: true,
        },
        limit + 1,
      )
      return { calls: await findAll(items.slice(0, limit)), more: items.length > limit }
    },

    async waiting({ lane, tenant, readyBy, limit }) {
      const items = await query(
        {
          index: 'waiting',
          condition: `#lane = :lane${tenant === undefined ? '' : ' AND begins_with(#turn, :tenant)'}`,
          filter: readyBy === undefined ? undefined : '#readyAt <= :readyBy',
          values: {
            ':lane': text(lane),
            ...(tenant !== undefined && { ':tenant': text(turnPrefix(tenant)) }),
            ...(readyBy !== undefined && { ':readyBy': number(readyBy) }),
          },
        },
        limit,
      )
      return items.map((item) => ({ id: readId(item), tenant: readText(item, 'tenant') }))
    },

    async recentRuns(model, limit) {
      const values = { ':model': text(model) }
      const condition = '#model = :model'
      const items = await query({ index: 'runs', condition, values, newestFirst: true }, limit)
      return items.map((item) => readNumber(item, 'runMs'))
    },

    async due(now, limit) {
      const condition = '#dueGroup = :group AND #attentionAt <= :now'
      const found = await Promise.all(
        Array.from({ length: groups }, (_, group) => {
          const values = { ':group': text(`due#${group}`), ':now': number(now) }
          return query({ index: 'due', condition, values }, limit)
        }),
      )
      const at = (item: DynamodbItem) => readNumber(item, 'attentionAt')
      const oldest = found.flat().sort((a, b) => at(a) - at(b))
      const calls = await findAll(oldest.slice(0, limit))
      return calls.filter((call) => attentionAt(call) <= now)
    },

    async remove(id) {
      await client.call('DeleteItem', { TableName: table, Key: keyOf(id) })
    },

    async close() {},
  }
}

type IndexQuery = Omit<TableQuery, 'table' | 'limit'> & { readonly index: string }

const keyOf = (id: string) => ({ pk: text(`call#${id}`) })
const readId = (item: DynamodbItem) => readText(item, 'pk').slice('call#'.length)
const toCall = (item: DynamodbItem) => deferredCallJson.read(readText(item, 'call'))

/** No tenant's prefix is the beginning of another's: names have no line ends. */
const turnPrefix = (tenant: string) => `${tenant}\n`

function toItem(call: DeferredCall): DynamodbItem {
  const { id, order, endedAt } = call
  const { tenant } = order.caller
  const group = (createHash('sha256').update(id).digest()[0] ?? 0) % groups
  const run = call.state === 'succeeded' ? call.result : undefined
  return {
    ...keyOf(id),
    call: text(deferredCallJson.write(call)),
    revision: number(call.revision),
    tenant: text(tenant),
    position: text(positionOf(call)),
    dueGroup: text(`due#${group}`),
    attentionAt: number(attentionAt(call)),
    ...(!hasEnded(call) && {
      lane: text(order.lane),
      turn: text(`${turnPrefix(tenant)}${turnOf(call)}`),
      readyAt: number(readyAt(call)),
    }),
    ...(run && {
      model: text(order.model),
      endedAt: number(endedAt ?? 0),
      runMs: number(run.runMs),
    }),
    // Where nobody looks after it any more. Seconds.
    ...(endedAt !== undefined && {
      purgeAt: number(Math.ceil((endedAt + 2 * retentionMs) / 1_000)),
    }),
  }
}

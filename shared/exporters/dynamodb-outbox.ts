import { attributes } from '#shared/aws/dynamodb-attributes.ts'
import type { DynamodbClient, DynamodbItem } from '#shared/aws/dynamodb-client.ts'
import { queryTable, type TableQuery } from '#shared/aws/dynamodb-query.ts'
import { writeTogether } from '#shared/aws/dynamodb-write.ts'
import { outboxItem } from './dynamodb-outbox-item.ts'
import { type Outbox, type OutboxRecord, undelivered } from './outbox.ts'

const { number, readNumber } = attributes

/**
 * The outbox in the DynamoDB table that `resources.yml` declares. All records of a tenant at a sink
 * are one partition in order of their hours; of one that was carried, a copy lies in the hour that
 * took it over. What waits for somebody is in the index `queues`, which may lag.
 */
export function createDynamodbOutbox(options: {
  readonly client: DynamodbClient
  readonly table: string
}): Outbox {
  const { client, table } = options

  const query = (input: Omit<TableQuery, 'table'>): Promise<DynamodbItem[]> =>
    Array.fromAsync(queryTable(client, { ...input, table }))

  return {
    async add(record) {
      const item = outboxItem.fromRecord({ ...record, ...undelivered, version: 0 })
      const condition = 'attribute_not_exists(#pk)'
      const refused = await writeTogether(client, [{ table, target: { put: item }, condition }])
      return refused === undefined
    },

    async records({ sink, tenant, from, to }) {
      const items = await query({
        condition: '#pk = :pk AND #sk BETWEEN :from AND :to',
        values: {
          ':pk': outboxItem.partition(sink, tenant),
          ':from': outboxItem.startOf(from),
          ':to': outboxItem.startOf(to),
        },
      })
      // A record that was carried within these hours is found twice.
      const records = items.map(outboxItem.toRecord)
      return [...new Map(records.map((record) => [record.id, record])).values()]
    },

    async list({ sink, state, until = Number.MAX_SAFE_INTEGER, limit }) {
      const condition = '#queue = :queue AND #nextAttemptAt <= :until'
      const values = { ':queue': outboxItem.queue(sink, state), ':until': number(until) }
      const items = await query({ index: 'queues', condition, values, limit })
      return items.map(outboxItem.toRecord)
    },

    async mark(record, change) {
      const marked: OutboxRecord = { ...record, ...change, version: record.version + 1 }
      const item = outboxItem.fromRecord(marked)
      const refused = await writeTogether(client, [
        {
          table,
          target: { put: item },
          condition: '#version = :version',
          values: { ':version': number(record.version) },
        },
        ...(marked.carriedInto === undefined
          ? []
          : [{ table, target: { put: outboxItem.carried(item, marked.carriedInto, marked.id) } }]),
      ])
      return refused ? undefined : marked
    },

    async cursor(sink, tenant) {
      const Key = outboxItem.cursor(sink, tenant)
      const { Item } = await client.call('GetItem', { TableName: table, Key, ConsistentRead: true })
      return Item && readNumber(Item, 'hour')
    },

    async advance(sink, tenant, hour) {
      const target = { put: { ...outboxItem.cursor(sink, tenant), hour: number(hour) } }
      const condition = 'attribute_not_exists(#hour) OR #hour < :hour'
      await writeTogether(client, [{ table, target, condition, values: { ':hour': number(hour) } }])
    },

    async close() {},
  }
}

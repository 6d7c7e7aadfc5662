import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import type { DynamodbClient } from '#shared/aws/dynamodb-client.ts'
import { createDynamodbOutbox } from '#shared/exporters/dynamodb-outbox.ts'
import { startDynamoDbLocal, whyNoDynamoDbLocal } from '#test/servers/dynamodb-local.ts'
import { newRecord, recordsOf } from './exporter-samples.ts'
import { describeOutbox } from './outbox-contract.ts'

const missing = whyNoDynamoDbLocal()
const table = 'outbox'
const file = new URL('../../shared/exporters/resources.yml', import.meta.url)
const { OutboxTable } = parse(readFileSync(file, 'utf8')).Resources

describe.skipIf(missing)(`the outbox in DynamoDB ${missing ?? ''}`, () => {
  let server: Awaited<ReturnType<typeof startDynamoDbLocal>>
  let client: DynamodbClient

  beforeAll(async () => {
    server = await startDynamoDbLocal()
    client = server.connect()
    const { AttributeDefinitions, KeySchema, GlobalSecondaryIndexes, BillingMode } =
      OutboxTable.Properties
    const keys = { AttributeDefinitions, KeySchema, GlobalSecondaryIndexes, BillingMode }
    await client.call('CreateTable', { TableName: table, ...keys })
  }, 90_000)
  afterAll(() => server?.stop())

  describeOutbox(() => createDynamodbOutbox({ client, table }))

  test('finds the records of more than one page', async () => {
    const paged: DynamodbClient = {
      call: (operation, input) =>
        client.call(operation, operation === 'Query' ? { ...input, Limit: 2 } : input),
    }
    const outbox = createDynamodbOutbox({ client: paged, table })
    const first = newRecord({ sink: 'paged', tenant: 'many' })
    for (let sequence = 0; sequence < 5; sequence += 1) {
      await outbox.add(newRecord({ ...first, sequence }))
    }
    const sequences = (await recordsOf(outbox, 'paged', 'many')).map(({ sequence }) => sequence)
    expect(sequences.sort()).toEqual([0, 1, 2, 3, 4])
    expect(await outbox.list({ sink: 'paged', state: 'pending', limit: 9 })).toHaveLength(5)
  })
})

test('keeps the table when the stack is deleted', () => {
  expect(OutboxTable).toMatchObject({ DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' })
  expect(OutboxTable.Properties).toMatchObject({
    DeletionProtectionEnabled: true,
    PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
  })
})

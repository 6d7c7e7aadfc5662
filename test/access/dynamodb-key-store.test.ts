import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createDynamodbKeyStore } from '#shared/access/dynamodb-key-store.ts'
import type { DynamodbClient } from '#shared/aws/dynamodb-client.ts'
import { startDynamoDbLocal, whyNoDynamoDbLocal } from '#test/servers/dynamodb-local.ts'
import { describeKeyStore, newRecord } from './key-store-contract.ts'
import { createKeyTable, resources } from './key-table.ts'

const missing = whyNoDynamoDbLocal()
const table = 'keys'

describe.skipIf(missing)(`keys in DynamoDB ${missing ?? ''}`, () => {
  let server: Awaited<ReturnType<typeof startDynamoDbLocal>>
  let client: DynamodbClient
  const connect = () => server.connect()

  beforeAll(async () => {
    server = await startDynamoDbLocal()
    client = connect()
    await createKeyTable(client, table)
  }, 90_000)
  afterAll(() => server?.stop())

  describeKeyStore(() => createDynamodbKeyStore({ client: connect(), table }))

  test('lists all keys of a tenant that has more than one page of them', async () => {
    const store = createDynamodbKeyStore({ client: limitPages(client, 2), table })
    const records = Array.from({ length: 5 }, () => newRecord({ tenant: 'many' }))
    for (const record of records) await store.put(record)
    expect((await store.list('many')).map(({ id }) => id)).toEqual(records.map(({ id }) => id))
  })

  test('forgets an expired key 90 days after its expiry, and no other', async () => {
    const store = createDynamodbKeyStore({ client, table })
    const expiring = newRecord({ expiresAt: 1_795_392_000_000 })
    const lasting = newRecord()
    await store.put(expiring)
    await store.put(lasting)
    const purgeAt = async (id: string) =>
      (await client.call('GetItem', { TableName: table, Key: { id: { S: id } } })).Item?.purgeAt
    // Time to live takes seconds; milliseconds would keep the key for 50,000 years.
    expect(await purgeAt(expiring.id)).toEqual({ N: String(1_795_392_000 + 90 * 86_400) })
    expect(await purgeAt(lasting.id)).toBeUndefined()
    expect(Object(resources.KeyTable?.Properties).TimeToLiveSpecification).toEqual({
      AttributeName: 'purgeAt',
      Enabled: true,
    })
  })

  test('says that the store is unavailable where the table does not exist', async () => {
    const store = createDynamodbKeyStore({ client, table: 'absent' })
    await expect(store.find('x')).rejects.toMatchObject({ code: 'store_unavailable' })
    await expect(store.put(newRecord())).rejects.toMatchObject({ code: 'store_unavailable' })
    await expect(store.revoke('x', 1)).rejects.toMatchObject({ code: 'store_unavailable' })
  })
})

test('keeps the table and the pepper when the stack is deleted', () => {
  expect(Object.keys(resources)).toEqual(['KeyTable', 'KeyPepper'])
  for (const resource of Object.values(resources)) {
    expect(resource).toMatchObject({ DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' })
  }
  expect(resources.KeyTable?.Properties).toMatchObject({
    BillingMode: 'PAY_PER_REQUEST',
    DeletionProtectionEnabled: true,
    PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
    SSESpecification: { SSEEnabled: true },
  })
})

const limitPages = (client: DynamodbClient, Limit: number): DynamodbClient => ({
  call: (operation, input) =>
    client.call(operation, operation === 'Query' ? { ...input, Limit } : input),
})

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DynamodbClient } from '#shared/aws/dynamodb-client.ts'
import { createDynamodbDeferredCallStore } from '#shared/jobs/stores/dynamodb-deferred-call-store.ts'
import { createDynamodbWarmth } from '#shared/jobs/stores/dynamodb-warmth.ts'
import { createDynamodbWebhookSecretStore } from '#shared/jobs/stores/dynamodb-webhook-secret-store.ts'
import { createDeclaredTable, declaredResources } from '#test/servers/declared-table.ts'
import { startDynamoDbLocal, whyNoDynamoDbLocal } from '#test/servers/dynamodb-local.ts'
import {
  after,
  describeDeferredCallStore,
  fresh,
  newCall,
  start,
  succeeded,
} from './deferred-call-store-contract.ts'
import { describeWarmth } from './warmth-contract.ts'
import { describeWebhookSecretStore } from './webhook-secret-store-contract.ts'

const missing = whyNoDynamoDbLocal()
const table = 'calls'

describe.skipIf(missing)(`jobs in DynamoDB ${missing ?? ''}`, () => {
  let server: Awaited<ReturnType<typeof startDynamoDbLocal>>
  let client: DynamodbClient
  beforeAll(async () => {
    server = await startDynamoDbLocal()
    client = server.connect()
    await createDeclaredTable(client, table, declaredResources('jobs').CallTable)
  }, 90_000)
  afterAll(() => server?.stop())

  const open = (through = client) => createDynamodbDeferredCallStore({ client: through, table })
  describeDeferredCallStore(() => open())
  describeWebhookSecretStore(() => createDynamodbWebhookSecretStore({ client, table }))
  describeWarmth((now) => createDynamodbWarmth({ client, table, now }))

  /** Does what is asked twice, as where the answer to the first attempt was lost. */
  const repeating = (): DynamodbClient => ({
    async call(name, input) {
      await client.call(name, input)
      return client.call(name, input)
    },
  })

  test('are written once, and say so, where the answer to that is lost', async () => {
    const store = open(repeating())
    const call = newCall()
    expect(await store.create(call)).toBe(true)
    expect(await store.replace(after(call, { attempts: 1 }))).toBe(true)
    expect(await store.find(call.id)).toMatchObject({ revision: 2, attempts: 1 })
    const secrets = createDynamodbWebhookSecretStore({ client: repeating(), table })
    const current = { salt: 'a', pepperId: 'b', createdAt: 1 }
    expect(await secrets.replace(fresh('tenant'), { revision: 1, current })).toBe(true)
  })

  test('are forgotten by themselves only after somebody should have done it', async () => {
    const store = open()
    const [ended, queued] = [newCall(), newCall()]
    for (const call of [ended, queued]) await store.create(call)
    await store.replace(succeeded(ended, 5))
    const purgeAt = async (id: string) => {
      const { Item } = await client.call('GetItem', {
        TableName: table,
        Key: { pk: { S: `call#${id}` } },
      })
      return Item?.purgeAt && Number(Object(Item.purgeAt).N)
    }
    expect(await purgeAt(ended.id)).toBe(start / 1_000 + 14 * 86_400)
    expect(await purgeAt(queued.id)).toBeUndefined()
  })
})

import { attributes } from '#shared/aws/dynamodb-attributes.ts'
import type { DynamodbClient } from '#shared/aws/dynamodb-client.ts'
import { writeTogether } from '#shared/aws/dynamodb-write.ts'
import type { WebhookSecretStore } from '../webhooks/webhook-secret-store.ts'

export interface DynamodbWebhookSecretStoreOptions {
  readonly client: DynamodbClient
  /** The table of the calls. */
  readonly table: string
}

/** Beside the calls, in the same table: an item a tenant. */
export function createDynamodbWebhookSecretStore({
  client,
  table,
}: DynamodbWebhookSecretStoreOptions): WebhookSecretStore {
  const { text, number, readText } = attributes
  const keyOf = (tenant: string) => ({ pk: text(`webhook-secret#${tenant}`) })
  return {
    async find(tenant) {
      const input = { TableName: table, Key: keyOf(tenant), ConsistentRead: true }
      const { Item } = await client.call('GetItem', input)
      return Item && JSON.parse(readText(Item, 'secrets'))
    },

    async replace(tenant, secrets) {
      const { revision } = secrets
      const written = JSON.stringify(secrets)
      const put = { ...keyOf(tenant), revision: number(revision), secrets: text(written) }
      const how =
        revision === 1
          ? { condition: 'attribute_not_exists(#pk)' }
          : { condition: '#revision = :seen', values: { ':seen': number(revision - 1) } }
      const refused = await writeTogether(client, [{ table, target: { put }, ...how }])
      // Else the answer to the first attempt was lost.
      return !refused || Object(refused[0]?.item?.secrets).S === written
    },

    async close() {},
  }
}

import { attributes } from '#shared/aws/dynamodb-attributes.ts'
import { type DynamodbClient, DynamodbRefusal } from '#shared/aws/dynamodb-client.ts'
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
      const isFirst = revision === 1
      try {
        await client.call('PutItem', {
          TableName: table,
          Item: { ...keyOf(tenant), revision: number(revision), secrets: text(written) },
          ConditionExpression: isFirst ? 'attribute_not_exists(pk)' : 'revision = :seen',
          ...(!isFirst && { ExpressionAttributeValues: { ':seen': number(revision - 1) } }),
          ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
        })
        return true
      } catch (error) {
        if (!(error instanceof DynamodbRefusal)) throw error
        // The answer to the first attempt was lost.
        return Object(error.item?.secrets).S === written
      }
    },

    async close() {},
  }
}

import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import type { DynamodbClient } from '#shared/aws/dynamodb-client.ts'

const file = new URL('../../shared/metering/resources.yml', import.meta.url)

/** The resources as CloudFormation will read them. */
export const resources: Record<string, Record<string, unknown>> = parse(
  readFileSync(file, 'utf8'),
).Resources

/** Makes the table that `resources.yml` declares, from that very declaration. */
export async function createLedgerTable(client: DynamodbClient, table: string): Promise<void> {
  const { AttributeDefinitions, KeySchema, GlobalSecondaryIndexes, BillingMode, ...settings } =
    Object(resources.LedgerTable?.Properties)
  await client.call('CreateTable', {
    TableName: table,
    AttributeDefinitions,
    KeySchema,
    GlobalSecondaryIndexes,
    BillingMode,
  })
  const { TimeToLiveSpecification } = settings
  await client.call('UpdateTimeToLive', { TableName: table, TimeToLiveSpecification })
}

import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import type { DynamodbClient } from '#shared/aws/dynamodb-client.ts'

/** The resources that a room declares, as CloudFormation will read them. */
export function declaredResources(room: string): Record<string, Record<string, unknown>> {
  const file = new URL(`../../shared/${room}/resources.yml`, import.meta.url)
  return parse(readFileSync(file, 'utf8')).Resources
}

/** Makes a table from that very declaration. */
export async function createDeclaredTable(
  client: DynamodbClient,
  table: string,
  declared: Record<string, unknown> | undefined,
): Promise<void> {
  const { AttributeDefinitions, KeySchema, GlobalSecondaryIndexes, BillingMode, ...settings } =
    Object(declared?.Properties)
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

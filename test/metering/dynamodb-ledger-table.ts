import type { DynamodbClient } from '#shared/aws/dynamodb-client.ts'
import { createDeclaredTable, declaredResources } from '#test/servers/declared-table.ts'

export const resources = declaredResources('metering')

/** Makes the table that `resources.yml` declares. */
export const createLedgerTable = (client: DynamodbClient, table: string): Promise<void> =>
  createDeclaredTable(client, table, resources.LedgerTable)

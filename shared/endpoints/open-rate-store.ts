import type { Environment } from '#shared/config/environment.ts'
import { createMemoryRateStore } from '#shared/metering/memory-rate-store.ts'
import type { RateStore } from '#shared/metering/rate-store.ts'
import { awsSettings } from './aws-settings.ts'

/** Rate buckets stand in the ledger's table; on one machine the process itself is enough. */
export async function openRateStore(environment: Environment): Promise<RateStore> {
  const [, table] = /^dynamodb:(.+)$/.exec(environment.PERCALL_LEDGER ?? '') ?? []
  if (table === undefined) return createMemoryRateStore()
  const [{ createDynamodbRateStore }, { createDynamodbClient }] = await Promise.all([
    import('#shared/metering/dynamodb-rate-store.ts'),
    import('#shared/aws/dynamodb-client.ts'),
  ])
  const { region, credentials } = awsSettings(environment)
  const client = createDynamodbClient({
    region,
    credentials: () => credentials,
    endpoint: environment.AWS_ENDPOINT_URL_DYNAMODB,
  })
  return createDynamodbRateStore({ client, table })
}

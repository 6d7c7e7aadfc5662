import type { Environment } from '#shared/config/environment.ts'
import { createMemoryRateStore } from '#shared/metering/memory-rate-store.ts'
import type { RateStore } from '#shared/metering/rate-store.ts'
import { openDynamodbClient } from './open-dynamodb-client.ts'
import { storeName } from './store-location.ts'

/** Rate buckets stand in the ledger's table; on one machine the process itself is enough. */
export async function openRateStore(environment: Environment): Promise<RateStore> {
  const table = storeName('PERCALL_LEDGER', environment.PERCALL_LEDGER ?? '', 'dynamodb:')
  if (table === undefined) return createMemoryRateStore()
  const [{ createDynamodbRateStore }, client] = await Promise.all([
    import('#shared/metering/dynamodb-rate-store.ts'),
    openDynamodbClient(environment),
  ])
  return createDynamodbRateStore({ client, table })
}

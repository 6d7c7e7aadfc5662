import type { Environment } from '#shared/config/environment.ts'
import type { Outbox } from '#shared/exporters/outbox.ts'
import { openDynamodbClient } from './open-dynamodb-client.ts'
import { storeName } from './store-location.ts'

/** The exporters' outbox that `PERCALL_OUTBOX` names: `dynamodb:TABLE`, or a SQLite file. */
export async function openOutbox(environment: Environment): Promise<Outbox> {
  const { PERCALL_OUTBOX: location = `${environment.PERCALL_HOME}/exports.sqlite` } = environment
  const table = storeName('PERCALL_OUTBOX', location, 'dynamodb:')
  if (table === undefined) {
    const { createSqliteOutbox } = await import('#shared/exporters/sqlite-outbox.ts')
    return createSqliteOutbox({ path: location })
  }
  const [{ createDynamodbOutbox }, client] = await Promise.all([
    import('#shared/exporters/dynamodb-outbox.ts'),
    openDynamodbClient(environment),
  ])
  return createDynamodbOutbox({ client, table })
}

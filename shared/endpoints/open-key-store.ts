import type { KeyStore } from '#shared/access/key-store.ts'
import type { Environment } from '#shared/config/environment.ts'
import { openDynamodbClient } from './open-dynamodb-client.ts'
import { storeName } from './store-location.ts'

/** The store that `PERCALL_KEYS` names: `dynamodb:TABLE`, or a SQLite file. */
export async function openKeyStore(
  environment: Environment,
): Promise<KeyStore & { close?: () => void }> {
  const { PERCALL_KEYS: location = `${environment.PERCALL_HOME}/keys.sqlite` } = environment
  const table = storeName('PERCALL_KEYS', location, 'dynamodb:')
  if (table === undefined) {
    const { createSqliteKeyStore } = await import('#shared/access/sqlite-key-store.ts')
    return createSqliteKeyStore({ path: location })
  }
  const [{ createDynamodbKeyStore }, client] = await Promise.all([
    import('#shared/access/dynamodb-key-store.ts'),
    openDynamodbClient(environment),
  ])
  return createDynamodbKeyStore({ client, table })
}

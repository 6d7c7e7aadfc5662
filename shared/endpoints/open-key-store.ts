import type { KeyStore } from '#shared/access/key-store.ts'
import type { Environment } from '#shared/config/environment.ts'
import { awsSettings } from './aws-settings.ts'

/** The store that `PERCALL_KEYS` names: `dynamodb:TABLE`, or a SQLite file. */
export async function openKeyStore(
  environment: Environment,
): Promise<KeyStore & { close?: () => void }> {
  const { PERCALL_KEYS: location = `${environment.PERCALL_HOME}/keys.sqlite` } = environment
  const [, table] = /^dynamodb:(.+)$/.exec(location) ?? []
  if (table === undefined) {
    const { createSqliteKeyStore } = await import('#shared/access/sqlite-key-store.ts')
    return createSqliteKeyStore({ path: location })
  }
  const { createDynamodbKeyStore } = await import('#shared/access/dynamodb-key-store.ts')
  const { createDynamodbClient } = await import('#shared/aws/dynamodb-client.ts')
  const { region, credentials } = awsSettings(environment)
  const client = createDynamodbClient({
    region,
    credentials: () => credentials,
    endpoint: environment.AWS_ENDPOINT_URL_DYNAMODB,
  })
  return createDynamodbKeyStore({ client, table })
}

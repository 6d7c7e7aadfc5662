import type { Environment } from '#shared/config/environment.ts'
import type { Outbox } from '#shared/exporters/outbox.ts'
import { awsSettings } from './aws-settings.ts'

/** The exporters' outbox that `PERCALL_OUTBOX` names: `dynamodb:TABLE`, or a SQLite file. */
export async function openOutbox(environment: Environment): Promise<Outbox> {
  const { PERCALL_OUTBOX: location = `${environment.PERCALL_HOME}/exports.sqlite` } = environment
  const [, table] = /^dynamodb:(.+)$/.exec(location) ?? []
  if (table === undefined) {
    const { createSqliteOutbox } = await import('#shared/exporters/sqlite-outbox.ts')
    return createSqliteOutbox({ path: location })
  }
  const [{ createDynamodbOutbox }, { createDynamodbClient }] = await Promise.all([
    import('#shared/exporters/dynamodb-outbox.ts'),
    import('#shared/aws/dynamodb-client.ts'),
  ])
  const { region, credentials } = awsSettings(environment)
  const client = createDynamodbClient({
    region,
    credentials: () => credentials,
    endpoint: environment.AWS_ENDPOINT_URL_DYNAMODB,
  })
  return createDynamodbOutbox({ client, table })
}

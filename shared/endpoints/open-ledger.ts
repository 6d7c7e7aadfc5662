import type { Environment } from '#shared/config/environment.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { Ledger } from '#shared/metering/ledger.ts'
import { awsSettings } from './aws-settings.ts'

/** A ledger that must be told to forget what has expired; DynamoDB does it by itself. */
export interface PrunedLedger extends Ledger {
  readonly prune?: (now: number) => Promise<number>
}

/** The ledger that `PERCALL_LEDGER` names: `dynamodb:TABLE`, or a SQLite file. */
export async function openLedger(environment: Environment): Promise<PrunedLedger> {
  const { PERCALL_LEDGER: location = `${environment.PERCALL_HOME}/ledger.sqlite` } = environment
  const [, table] = /^dynamodb:(.+)$/.exec(location) ?? []
  if (table === undefined) {
    const { createSqliteLedger } = await import('#shared/metering/sqlite-ledger.ts')
    return createSqliteLedger({ path: location })
  }
  const [, bucket] = /^s3:\/\/([^/]+)\/?$/.exec(environment.PERCALL_ANSWERS ?? '') ?? []
  if (bucket === undefined) {
    throw new ServiceError('configuration_invalid', {
      detail: 'PERCALL_ANSWERS must be s3://BUCKET where PERCALL_LEDGER is a DynamoDB table.',
    })
  }
  const [{ createDynamodbLedger }, { createDynamodbClient }, { createS3AnswerStore }] =
    await Promise.all([
      import('#shared/metering/dynamodb-ledger.ts'),
      import('#shared/aws/dynamodb-client.ts'),
      import('#shared/metering/s3-answer-store.ts'),
    ])
  const { region, credentials } = awsSettings(environment)
  const aws = { region, credentials: () => credentials }
  return createDynamodbLedger({
    table,
    client: createDynamodbClient({ ...aws, endpoint: environment.AWS_ENDPOINT_URL_DYNAMODB }),
    answers: createS3AnswerStore({ ...aws, bucket, endpoint: environment.AWS_ENDPOINT_URL_S3 }),
  })
}

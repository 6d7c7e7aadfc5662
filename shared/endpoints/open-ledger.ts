import type { Environment } from '#shared/config/environment.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { Ledger } from '#shared/metering/ledger.ts'
import { awsPlace } from './aws-settings.ts'
import { openDynamodbClient } from './open-dynamodb-client.ts'
import { storeName } from './store-location.ts'

/** A ledger that must be told to forget what has expired; DynamoDB does it by itself. */
export interface PrunedLedger extends Ledger {
  readonly prune?: (now: number) => Promise<number>
}

/** The ledger that `PERCALL_LEDGER` names: `dynamodb:TABLE`, or a SQLite file. */
export async function openLedger(environment: Environment): Promise<PrunedLedger> {
  const { PERCALL_LEDGER: location = `${environment.PERCALL_HOME}/ledger.sqlite` } = environment
  const table = storeName('PERCALL_LEDGER', location, 'dynamodb:')
  if (table === undefined) {
    const { createSqliteLedger } = await import('#shared/metering/sqlite-ledger.ts')
    return createSqliteLedger({ path: location })
  }
  const bucket = storeName('PERCALL_ANSWERS', environment.PERCALL_ANSWERS ?? '', 's3://')
  if (bucket === undefined) {
    throw new ServiceError('configuration_invalid', {
      detail: 'PERCALL_ANSWERS must be s3://BUCKET where PERCALL_LEDGER is a DynamoDB table.',
    })
  }
  const [{ createDynamodbLedger }, { createS3AnswerStore }, client] = await Promise.all([
    import('#shared/metering/dynamodb-ledger.ts'),
    import('#shared/metering/s3-answer-store.ts'),
    openDynamodbClient(environment),
  ])
  const answers = createS3AnswerStore({
    bucket: bucket.replace(/\/$/, ''),
    ...awsPlace(environment),
    endpoint: environment.AWS_ENDPOINT_URL_S3,
  })
  return createDynamodbLedger({ table, client, answers })
}

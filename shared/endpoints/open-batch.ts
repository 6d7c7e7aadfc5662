import { setTimeout as sleep } from 'node:timers/promises'
import type { BatchServices, Stage } from '#shared/batch/batch-services.ts'
import type { JobStore } from '#shared/batch/job-store.ts'
import type { ObjectStore } from '#shared/batch/object-store.ts'
import type { PublishingServices } from '#shared/batch/publish-job.ts'
import type { Queue } from '#shared/batch/queue.ts'
import type { Environment } from '#shared/config/environment.ts'
import { createMeter } from '#shared/metering/metered-call.ts'
import { awsPlace } from './aws-settings.ts'
import { openDynamodbClient } from './open-dynamodb-client.ts'
import { newFence } from './open-meter.ts'
import type { Services } from './services.ts'
import { storeName } from './store-location.ts'

/** How long jobs and what was charged for each chunk can be looked at. */
const retentionMs = 90 * 86_400_000

/** What the use cases of batches stand on, with the world's own clock. */
export async function openBatch(
  environment: Environment,
  {
    ledger,
    prices,
    catalog,
    keyStore,
  }: Pick<Services, 'ledger' | 'prices' | 'catalog' | 'keyStore'>,
): Promise<PublishingServices & { close(): Promise<void> }> {
  const [objects, jobs, plan, score, publish] = await Promise.all([
    openObjects(environment),
    openJobs(environment),
    openQueue(environment, 'plan'),
    openQueue(environment, 'score'),
    openQueue(environment, 'publish'),
  ])
  return {
    objects,
    jobs,
    queues: { plan, score, publish },
    ledger,
    prices,
    catalog,
    meter: createMeter({ ledger, prices, newId: newFence, sleep, retentionMs }),
    mayBegin: mayBegin(keyStore),
    now: Date.now,
    async close() {
      await Promise.all([objects, jobs, plan, score, publish].map((store) => store.close()))
    },
  }
}

/** A revoked or expired key begins nothing; what was ordered without a key has none to revoke. */
function mayBegin(keyStore: Services['keyStore']): BatchServices['mayBegin'] {
  return async ({ keyId }) => {
    const key = await keyStore.find(keyId)
    if (!key) return true
    return key.revokedAt === undefined && (key.expiresAt ?? Number.POSITIVE_INFINITY) > Date.now()
  }
}

async function openObjects(environment: Environment): Promise<ObjectStore> {
  const { PERCALL_BATCH: location = `${environment.PERCALL_HOME}/batch` } = environment
  const bucket = storeName('PERCALL_BATCH', location, 's3://')
  if (bucket === undefined) {
    const { createDirectoryObjectStore } = await import(
      '#shared/batch/stores/directory-object-store.ts'
    )
    return createDirectoryObjectStore({ directory: location })
  }
  const { createS3ObjectStore } = await import('#shared/batch/stores/s3-object-store.ts')
  return createS3ObjectStore({
    bucket: bucket.replace(/\/$/, ''),
    ...awsPlace(environment),
    endpoint: environment.AWS_ENDPOINT_URL_S3,
  })
}

const jobsLocation = ({ PERCALL_JOBS, PERCALL_HOME }: Environment): string =>
  PERCALL_JOBS ?? `${PERCALL_HOME}/batch.sqlite`

async function openJobs(environment: Environment): Promise<JobStore> {
  const path = jobsLocation(environment)
  const table = storeName('PERCALL_JOBS', path, 'dynamodb:')
  if (table === undefined) {
    const { createSqliteJobStore } = await import('#shared/batch/stores/sqlite-job-store.ts')
    return createSqliteJobStore({ path })
  }
  const [{ createDynamodbJobStore }, client] = await Promise.all([
    import('#shared/batch/stores/dynamodb-job-store.ts'),
    openDynamodbClient(environment),
  ])
  return createDynamodbJobStore({ client, table })
}

async function openQueue(environment: Environment, stage: Stage): Promise<Queue> {
  const { PERCALL_QUEUES: path = jobsLocation(environment) } = environment
  const url = storeName('PERCALL_QUEUES', path, 'sqs:')
  if (url === undefined) {
    const { createSqliteQueue } = await import('#shared/batch/stores/sqlite-queue.ts')
    return createSqliteQueue({ path, name: stage, maxReceives })
  }
  const { createSqsQueue } = await import('#shared/batch/stores/sqs-queue.ts')
  return createSqsQueue({
    queueUrl: `${url}${stage}`,
    deadLetterUrl: `${url}${stage}-dead`,
    ...awsPlace(environment),
    endpoint: environment.AWS_ENDPOINT_URL_SQS,
  })
}

/** Waiting for a lease or a throttled store counts, too: a chunk in trouble is met by then. */
const maxReceives = 20

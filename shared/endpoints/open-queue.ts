import type { Queue } from '#shared/batch/queue.ts'
import type { Environment } from '#shared/config/environment.ts'
import { awsPlace } from './aws-settings.ts'
import { lazyQueue } from './lazy-batch-stores.ts'
import { storeName } from './store-location.ts'

/** Waiting for a lease or a throttled store counts, too: a chunk in trouble is met by then. */
const maxReceives = 20

/** A queue of batches or jobs, by its name. What is wrong with the settings shows at once. */
export function openQueue(environment: Environment, name: string): Queue {
  const { PERCALL_HOME, PERCALL_JOBS = `${PERCALL_HOME}/batch.sqlite` } = environment
  const { PERCALL_QUEUES: path = PERCALL_JOBS } = environment
  const url = storeName('PERCALL_QUEUES', path, 'sqs:')
  return lazyQueue(async () => {
    if (url === undefined) {
      const { createSqliteQueue } = await import('#shared/batch/stores/sqlite-queue.ts')
      return createSqliteQueue({ path, name, maxReceives })
    }
    const { createSqsQueue } = await import('#shared/batch/stores/sqs-queue.ts')
    return createSqsQueue({
      queueUrl: `${url}${name}`,
      deadLetterUrl: `${url}${name}-dead`,
      ...awsPlace(environment),
      endpoint: environment.AWS_ENDPOINT_URL_SQS,
    })
  })
}

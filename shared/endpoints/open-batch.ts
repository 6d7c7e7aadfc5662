import { setTimeout as sleep } from 'node:timers/promises'
import type { BatchServices, Stage } from '#shared/batch/batch-services.ts'
import type { JobStore } from '#shared/batch/job-store.ts'
import type { PublishingServices } from '#shared/batch/publish-job.ts'
import type { Environment } from '#shared/config/environment.ts'
import { createMeter } from '#shared/metering/metered-call.ts'
import { lazyJobStore } from './lazy-batch-stores.ts'
import { openDynamodbClient } from './open-dynamodb-client.ts'
import { newFence } from './open-meter.ts'
import { openObjects } from './open-objects.ts'
import { openQueue } from './open-queue.ts'
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
  const objects = await openObjects(environment)
  const jobs = openJobs(environment)
  const queueOf = (stage: Stage) => openQueue(environment, stage)
  const [plan, score, publish] = [queueOf('plan'), queueOf('score'), queueOf('publish')]
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

function openJobs(environment: Environment): JobStore {
  const { PERCALL_JOBS: path = `${environment.PERCALL_HOME}/batch.sqlite` } = environment
  const table = storeName('PERCALL_JOBS', path, 'dynamodb:')
  return lazyJobStore(async () => {
    if (table === undefined) {
      const { createSqliteJobStore } = await import('#shared/batch/stores/sqlite-job-store.ts')
      return createSqliteJobStore({ path })
    }
    const [{ createDynamodbJobStore }, client] = await Promise.all([
      import('#shared/batch/stores/dynamodb-job-store.ts'),
      openDynamodbClient(environment),
    ])
    return createDynamodbJobStore({ client, table })
  })
}

import type { Peppers } from '#shared/access/peppers.ts'
import type { Environment } from '#shared/config/environment.ts'
import type { JobServices } from '#shared/jobs/job-services.ts'
import { openDynamodbClient } from './open-dynamodb-client.ts'
import { newFence } from './open-meter.ts'
import { openObjects } from './open-objects.ts'
import { openQueue } from './open-queue.ts'
import { storeName } from './store-location.ts'

/** Lambda asks a queue over so many connections at first, and takes minutes to reach its maximum. */
const firstPollers = 5

export interface OpenJobs extends JobServices {
  close(): Promise<void>
}

/** What calls that are put off stand on, with the world's own clock. */
export async function openJobs(
  environment: Environment,
  { pepper, oldPepper }: Peppers,
): Promise<OpenJobs> {
  const [stores, objects, light, heavy, webhook] = await Promise.all([
    openStores(environment),
    openObjects(environment),
    openQueue(environment, 'calls'),
    openQueue(environment, 'heavy-calls'),
    openQueue(environment, 'webhooks'),
  ])
  const { calls, secrets } = stores
  const { PERCALL_JOB_CONCURRENCY: most } = environment
  return {
    ...stores,
    objects,
    queues: { light, heavy, webhook },
    ...(most !== undefined && {
      workers: { light: { least: Math.min(most, firstPollers), most } },
    }),
    pepper,
    oldPepper,
    webhookPolicy: { local: environment.PERCALL_WEBHOOKS === 'local' },
    now: Date.now,
    newId: newFence,
    random: Math.random,
    async close() {
      const all = [calls, secrets, objects, light, heavy, webhook]
      await Promise.all(all.map((store) => store.close()))
    },
  }
}

async function openStores(
  environment: Environment,
): Promise<Pick<JobServices, 'calls' | 'secrets' | 'warmth' | 'warmMs'>> {
  const { PERCALL_CALLS: path = `${environment.PERCALL_HOME}/jobs.sqlite` } = environment
  const table = storeName('PERCALL_CALLS', path, 'dynamodb:')
  if (table === undefined) {
    const [calls, secrets, warmth] = await Promise.all([
      import('#shared/jobs/stores/sqlite-deferred-call-store.ts'),
      import('#shared/jobs/stores/sqlite-webhook-secret-store.ts'),
      import('#shared/jobs/stores/memory-warmth.ts'),
    ])
    return {
      calls: calls.createSqliteDeferredCallStore({ path }),
      secrets: secrets.createSqliteWebhookSecretStore({ path }),
      warmth: warmth.createMemoryWarmth(),
      // A host keeps what it has loaded.
      warmMs: Number.POSITIVE_INFINITY,
    }
  }
  const [calls, secrets, warmth, client] = await Promise.all([
    import('#shared/jobs/stores/dynamodb-deferred-call-store.ts'),
    import('#shared/jobs/stores/dynamodb-webhook-secret-store.ts'),
    import('#shared/jobs/stores/dynamodb-warmth.ts'),
    openDynamodbClient(environment),
  ])
  return {
    calls: calls.createDynamodbDeferredCallStore({ client, table }),
    secrets: secrets.createDynamodbWebhookSecretStore({ client, table }),
    warmth: warmth.createDynamodbWarmth({ client, table }),
    warmMs: 300_000,
  }
}

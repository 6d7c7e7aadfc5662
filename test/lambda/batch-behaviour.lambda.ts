import { readFileSync } from 'node:fs'
import { afterAll, describe, vi } from 'vitest'
import { createCatalog } from '#shared/catalog/catalog.ts'
import { parseManifest } from '#shared/catalog/parse-manifest.ts'
import { readModels } from '#shared/catalog/read-models.ts'
import { readEnvironment } from '#shared/config/environment.ts'
import { openBatch } from '#shared/endpoints/open-batch.ts'
import { readPriceBook } from '#shared/metering/read-price-book.ts'
import { batchBehaviour } from '#test/hosts/batch-behaviour.ts'
import { batchRightsBehaviour } from '#test/hosts/batch-rights-behaviour.ts'
import { startLambdaHost } from '#test/hosts/lambda-host.ts'
import type { StartHost } from '#test/hosts/running-host.ts'
import { startLocalAws } from '#test/servers/local-aws.ts'
import { startBatchStages } from './batch-stages.ts'

// Four functions start cold, and the message of a chunk that meets one in flight comes again late.
vi.setConfig({ testTimeout: 180_000 })

const aws = await startLocalAws()
afterAll(() => aws.stop())

const recorded = new URL('../endpoints/s3-object-created.json', import.meta.url)

/** As S3 tells of an object: with its key as in a form. */
function eventOf(key: string): string {
  const event = JSON.parse(readFileSync(recorded, 'utf8'))
  event.Records[0].s3.object.key = encodeURIComponent(key).replaceAll('%20', '+')
  return JSON.stringify(event)
}

const start: StartHost = async ({ jwtIssuer, unpublished }) => {
  const { environment, ...stores } = await aws.deploy({ unpublished })
  const batch = await openBatch(readEnvironment(environment), {
    ...stores,
    catalog: createCatalog(readModels('models', { parse: parseManifest })),
    prices: readPriceBook('models/price-book.json'),
  })
  const host = startLambdaHost({
    ...environment,
    PERCALL_LOG: 'silent',
    PERCALL_JWT_ISSUER: jwtIssuer,
    PERCALL_JWT_AUDIENCE: 'percall',
  })
  const stages = startBatchStages(host, environment)
  return {
    ...stores,
    ...host,
    objects: {
      ...batch.objects,
      async put(key, bytes, options) {
        const outcome = await batch.objects.put(key, bytes, options)
        if (key.startsWith('incoming/')) {
          await batch.queues.plan.send([{ body: eventOf(key), group: 'events' }])
        }
        return outcome
      },
    },
    async stop() {
      await stages.stop()
      await host.stop()
      await batch.close()
    },
  }
}

describe('percall on Lambda', () => {
  batchBehaviour(start)
  batchRightsBehaviour(start)
})

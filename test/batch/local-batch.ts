import { mkdtempSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import type { ChunkSizes } from '#shared/batch/cut-source.ts'
import type { Job } from '#shared/batch/job.ts'
import { hasEnded } from '#shared/batch/job-progress.ts'
import type { JobRequest } from '#shared/batch/order-job.ts'
import { orderJob } from '#shared/batch/order-job.ts'
import type { PublishingServices } from '#shared/batch/publish-job.ts'
import { readAll } from '#shared/batch/read-all.ts'
import { settleRunning } from '#shared/batch/settle-running.ts'
import { createCatalog } from '#shared/catalog/catalog.ts'
import { parseManifest } from '#shared/catalog/parse-manifest.ts'
import { readModels } from '#shared/catalog/read-models.ts'
import { readEnvironment } from '#shared/config/environment.ts'
import { startBatch } from '#shared/endpoints/local-batch.ts'
import { openBatch } from '#shared/endpoints/open-batch.ts'
import { openKeyStore } from '#shared/endpoints/open-key-store.ts'
import { openLedger } from '#shared/endpoints/open-ledger.ts'
import type { AccountSettings } from '#shared/metering/ledger.ts'
import { readPriceBook } from '#shared/metering/read-price-book.ts'
import { createLogger } from '#shared/observability/logger.ts'

export interface LocalBatch {
  readonly services: PublishingServices
  readonly home: string
  order(
    request: Partial<JobRequest> & Pick<JobRequest, 'model'>,
    input: string | Uint8Array,
    changes?: Partial<PublishingServices>,
  ): Promise<Job>
  /** Lets others work. */
  moment(): Promise<void>
  /** Works until the job has ended, or is paused and nothing of it runs. */
  finish(job: Job): Promise<Job>
  output(job: Job, name: 'results' | 'errors' | 'manifest'): Promise<string>
  close(): Promise<void>
}

const ownModels = new URL('../../models', import.meta.url).pathname

export interface LocalBatchOptions {
  chunkSizes?: ChunkSizes
  account?: Partial<AccountSettings>
  size?: number
  /** Removed at the end; another one may have died in it. */
  home?: string
  /** A folder of model folders, each with its artifact. */
  models?: string
  /** Others do the work. */
  idle?: boolean
  /** Where the stores are, if not in the home. */
  variables?: Readonly<Record<string, string>>
  /** How often the directory is looked at. */
  everyMs?: number
  /** What becomes of the stores that the work is done on. */
  weather?: (services: PublishingServices) => PublishingServices
}

/** Batches on one machine as `npm start` runs them, in a home of their own. */
export async function openLocalBatch({
  chunkSizes,
  account = {},
  size = 2,
  home = mkdtempSync(join(tmpdir(), 'percall-batch-')),
  models = ownModels,
  idle = false,
  variables = {},
  everyMs = 200,
  weather = (services) => services,
}: LocalBatchOptions = {}): Promise<LocalBatch> {
  const environment = readEnvironment({ PERCALL_HOME: home, ...variables })
  const catalog = createCatalog(readModels(models, { parse: parseManifest }))
  const ledger = await openLedger(environment)
  await ledger.putAccount({
    tenant: 'acme',
    currency: 'USD',
    mode: 'postpaid',
    limits: {},
    ...account,
  })
  const keyStore = await openKeyStore(environment)
  const prices = readPriceBook(join(models, 'price-book.json'))
  const opened = await openBatch(environment, { ledger, prices, catalog, keyStore })
  const services = { ...opened, ...(chunkSizes && { chunkSizes }) }
  const stop = idle
    ? async () => undefined
    : startBatch(weather(services), {
        readArtifact: async ({ folder, manifest }) =>
          new Uint8Array(await readFile(join(folder, manifest.artifact.file ?? ''))),
        size,
        logger: createLogger({ level: 'silent' }),
        everyMs,
      })
  let orders = 0
  const moment = () => new Promise<void>((resolve) => setTimeout(resolve, 20))

  return {
    services,
    moment,
    home,
    async order(request, input, changes) {
      orders += 1
      // Homes may share their stores.
      const key = `uploads/acme/${basename(home)}-${orders}`
      await services.objects.put(key, typeof input === 'string' ? Buffer.from(input) : input)
      const object = await services.objects.head(key)
      if (!object) throw new Error('The input was not stored.')
      return orderJob(
        {
          tenant: 'acme',
          keyId: 'test',
          project: undefined,
          parties: [],
          free: false,
          input: { kind: 'object', object, format: 'auto' },
          parameters: {},
          records: { kind: 'input' },
          output: { format: 'jsonl', join: false },
          identity: [key],
          ...request,
        },
        { ...services, ...changes },
      )
    },
    async finish({ id }) {
      for (;;) {
        const job = await services.jobs.find(id)
        if (job && hasEnded(job)) return job
        // Chunks that ran when it was paused come to their ends.
        if (job?.state === 'paused' && (await settleRunning(job, services))) {
          return (await services.jobs.find(id)) ?? job
        }
        await moment()
      }
    },
    async output(job, name) {
      const output = job.outputs.find((one) => one.name === name)
      const object = output && (await services.objects.head(output.key))
      return object ? (await readAll(services.objects.read(object))).toString() : ''
    },
    async close() {
      await stop()
      await opened.close()
      await ledger.close()
      keyStore.close?.()
      rmSync(home, { recursive: true, force: true })
    },
  }
}

import { accessSync, constants, existsSync, mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { createAuthenticator } from '#shared/access/authenticate.ts'
import type { KeyStore } from '#shared/access/key-store.ts'
import { readPeppers } from '#shared/access/read-peppers.ts'
import type { ArtifactStore, FetchProgress } from '#shared/artifacts/artifact-store.ts'
import { cachedArtifactStore } from '#shared/artifacts/cached-artifact-store.ts'
import { pulledArtifactStore } from '#shared/artifacts/pulled-artifact-store.ts'
import type { PublishingServices } from '#shared/batch/publish-job.ts'
import { type Catalog, createCatalog } from '#shared/catalog/catalog.ts'
import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { parseManifest } from '#shared/catalog/parse-manifest.ts'
import { readModels } from '#shared/catalog/read-models.ts'
import { cpuShare, threadCount } from '#shared/config/cpu-share.ts'
import { type Environment, silenceRuntimeTelemetry } from '#shared/config/environment.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { startGenerationThread } from '#shared/generation/generation-thread.ts'
import {
  createLanguageModels,
  type LanguageModels,
  writesText,
} from '#shared/generation/language-models.ts'
import { inlineRunner } from '#shared/inference/inline-runner.ts'
import type { JobServices } from '#shared/jobs/job-services.ts'
import type { Ledger } from '#shared/metering/ledger.ts'
import { createMemoryRateStore } from '#shared/metering/memory-rate-store.ts'
import { readPriceBook } from '#shared/metering/read-price-book.ts'
import { createSqliteSaleOutbox } from '#shared/metering/sqlite-sale-outbox.ts'
import { createLogger } from '#shared/observability/logger.ts'
import { closedIfOpened } from './closed-if-opened.ts'
import { generatorStarter } from './generator-starter.ts'
import { jwtVerifier } from './jwt-verifier.ts'
import type { LocalJobsOptions } from './local-jobs.ts'
import { openArtifactStore } from './open-artifact-store.ts'
import { openBatch } from './open-batch.ts'
import { openGenerator } from './open-generator.ts'
import { openJobs } from './open-jobs.ts'
import { openKeyStore } from './open-key-store.ts'
import { openLedger } from './open-ledger.ts'
import { openHostMeter } from './open-meter.ts'
import { openRateLimiter } from './open-rate-limiter.ts'
import { openRunner } from './open-runner.ts'
import type { Services } from './services.ts'

export interface LocalServicesOptions {
  environment: Environment
  /** Where models run: in workers beside a server, or inline in a command. */
  runner?: 'workers' | 'inline'
  developmentKey?: string | undefined
  /** Default: what the folder of model folders holds. */
  catalog?: Catalog | undefined
  onProgress?: (entry: ModelEntry, progress: FetchProgress) => void
}

export interface LocalServices extends Services {
  readonly artifacts: ArtifactStore
  readonly batch: PublishingServices
  readonly keyStore: KeyStore
  readonly languageModels: LanguageModels
  readonly openJobs: () => Promise<JobServices>
}

const ownModels = join(import.meta.dirname, '../../models')

/** The model folders that come with percall, unless `PERCALL_MODELS` names others. */
export const modelsDirectory = ({ PERCALL_MODELS }: Environment): string =>
  resolve(PERCALL_MODELS ?? ownModels)

/** The price book beside the models, else the one that comes with percall. */
function priceBookFile(environment: Environment): string {
  const beside = join(modelsDirectory(environment), 'price-book.json')
  if (environment.PERCALL_PRICES !== undefined) return environment.PERCALL_PRICES
  return existsSync(beside) ? beside : join(ownModels, 'price-book.json')
}

/** The services of one machine: a directory for S3, SQLite for DynamoDB, processes for Lambda. */
export async function localServices({
  environment,
  runner: place = 'workers',
  developmentKey = environment.PERCALL_DEV_KEY,
  catalog = createCatalog(readModels(modelsDirectory(environment), { parse: parseManifest })),
  onProgress,
}: LocalServicesOptions): Promise<LocalServices> {
  silenceRuntimeTelemetry()
  const home = environment.PERCALL_HOME
  makeHome(home)
  const logger = createLogger({ level: environment.PERCALL_LOG })
  const artifacts = cachedArtifactStore(pulledArtifactStore(await openArtifactStore(environment)), {
    directory: join(home, 'cache'),
    maxBytes: environment.PERCALL_CACHE_BYTES,
    onCacheFailure: (cause) => logger.warn('the artifact cache cannot be written', { cause }),
  })
  const keyStore = await openKeyStore(environment)
  const ledger = await openLedger(environment)
  const outbox = createSqliteSaleOutbox({ path: join(home, 'outbox.sqlite') })
  await openOwnAccount(ledger)
  const prices = readPriceBook(priceBookFile(environment))
  const meter = openHostMeter({ ledger, prices, outbox, logger })
  const rates = createMemoryRateStore()
  const peppers = readPeppers(environment)

  const readArtifact = (entry: ModelEntry) =>
    artifacts.fetch(entry.manifest.artifact, {
      onProgress: (progress) => onProgress?.(entry, progress),
    })
  const batch = await openBatch(environment, { ledger, prices, catalog, keyStore })
  // A command that ends at once leaves that to the host, and need not load it; so does a container
  // beside functions, which do it.
  const isHost = place === 'workers' && environment.PERCALL_WORK === 'all'
  const stopSweeping = isHost
    ? (await import('./sweeper.ts')).startSweeping({ ledger, outbox, keyStore, logger })
    : async () => undefined
  const stopExporting = isHost
    ? (await import('./exporter.ts')).startExporting(environment, ledger)
    : async () => undefined
  const cpus = cpuShare()
  const workers = environment.PERCALL_WORKERS ?? threadCount(cpus)
  const runner =
    place === 'workers'
      ? openRunner(environment, { readArtifact, size: workers })
      : inlineRunner({ readArtifact, threads: threadCount(cpus), proveOnLoad: true })

  const stopBatch = isHost
    ? (await import('./local-batch.ts')).startBatch(batch, {
        readArtifact,
        size: workers,
        codeCache: join(home, 'code'),
        recycleBytes: environment.PERCALL_SCORER_BYTES,
        retentionMs: environment.PERCALL_BATCH_DAYS * 86_400_000,
        logger,
      })
    : async () => undefined

  const languageModels = createLanguageModels((entry) =>
    openGenerator(entry, {
      readArtifact,
      threads: threadCount(cpus),
      start: place === 'workers' ? generatorStarter(environment) : startGenerationThread,
    }),
  )

  const eachLane = { least: workers, most: workers }
  // A command that asks a model needs none.
  const jobs = closedIfOpened(async () => ({
    ...(await openJobs(environment, peppers)),
    workers: { light: eachLane, heavy: eachLane },
  }))

  const services: LocalServices = {
    batch,
    openJobs: jobs.store,
    languageModels,
    catalog,
    ledger,
    prices,
    meter,
    limitRate: openRateLimiter(ledger, rates, rates),
    runner,
    artifacts,
    keyStore,
    ...peppers,
    logger,
    authenticate: createAuthenticator({
      keyStore,
      ...peppers,
      developmentKey,
      verifyJwt: jwtVerifier(environment),
    }),
    bodyLimitBytes: environment.PERCALL_BODY_LIMIT,
    async ready() {
      // The smallest model proves the chain: store, cache, runtime, golden sample.
      const [smallest] = catalog
        .list()
        .filter((entry) => !writesText(entry))
        .sort((a, b) => a.manifest.artifact.bytes - b.manifest.artifact.bytes)
      if (smallest) await runner.ready(smallest)
    },
    async close() {
      await stopJobs()
      await stopBatch()
      await stopExporting()
      await stopSweeping()
      await jobs.close()
      await batch.close()
      await runner.close()
      await languageModels.close()
      await meter.close()
      keyStore.close?.()
      await outbox.close()
      await ledger.close()
    },
  }
  const heavyOnly = environment.PERCALL_WORK === 'heavy'
  const stopJobs =
    place === 'workers'
      ? await startOwnJobs(services, { concurrency: workers, heavyOnly })
      : async () => undefined
  return services
}

/** What was put off is run as it would have been at once; it is nothing that a command has to load. */
async function startOwnJobs(
  services: LocalServices,
  options: Pick<LocalJobsOptions, 'concurrency' | 'heavyOnly'>,
): Promise<() => Promise<void>> {
  const [{ servingEndpoint }, { startJobs }, jobs] = await Promise.all([
    import('./serving-endpoint.ts'),
    import('./local-jobs.ts'),
    services.openJobs(),
  ])
  const { keyStore, logger } = services
  const endpoint = servingEndpoint(services)
  return startJobs(jobs, { endpoint, keyStore, logger, ...options })
}

/** One machine serves one owner, who is shown what calls cost and not stopped by it. */
async function openOwnAccount(ledger: Ledger): Promise<void> {
  if (await ledger.account('default')) return
  await ledger.putAccount({ tenant: 'default', currency: 'USD', mode: 'postpaid', limits: {} })
}

function makeHome(home: string): void {
  try {
    mkdirSync(home, { recursive: true, mode: 0o700 })
    accessSync(home, constants.W_OK)
  } catch (cause) {
    throw new ServiceError('configuration_invalid', {
      detail: `PERCALL_HOME cannot be used: ${(cause as Error).message}`,
      fix: 'Set PERCALL_HOME to a folder that this user may write.',
      cause,
    })
  }
}

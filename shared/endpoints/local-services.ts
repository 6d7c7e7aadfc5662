import { accessSync, constants, existsSync, mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { createAuthenticator } from '#shared/access/authenticate.ts'
import type { KeyStore } from '#shared/access/key-store.ts'
import { readPeppers } from '#shared/access/read-peppers.ts'
import type { ArtifactStore, FetchProgress } from '#shared/artifacts/artifact-store.ts'
import { cachedArtifactStore } from '#shared/artifacts/cached-artifact-store.ts'
import type { PublishingServices } from '#shared/batch/publish-job.ts'
import { createCatalog } from '#shared/catalog/catalog.ts'
import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { parseManifest } from '#shared/catalog/parse-manifest.ts'
import { readModels } from '#shared/catalog/read-models.ts'
import { cpuShare, threadCount } from '#shared/config/cpu-share.ts'
import { type Environment, silenceRuntimeTelemetry } from '#shared/config/environment.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import {
  createLanguageModels,
  type LanguageModels,
  writesText,
} from '#shared/generation/language-models.ts'
import { inlineRunner } from '#shared/inference/inline-runner.ts'
import { threadedRunner } from '#shared/inference/threaded-runner.ts'
import type { Ledger } from '#shared/metering/ledger.ts'
import { createMemoryRateStore } from '#shared/metering/memory-rate-store.ts'
import { readPriceBook } from '#shared/metering/read-price-book.ts'
import { createSqliteSaleOutbox } from '#shared/metering/sqlite-sale-outbox.ts'
import { createLogger } from '#shared/observability/logger.ts'
import { startExporting } from './exporter.ts'
import { jwtVerifier } from './jwt-verifier.ts'
import { startBatch } from './local-batch.ts'
import { openArtifactStore } from './open-artifact-store.ts'
import { openBatch } from './open-batch.ts'
import { openGenerator } from './open-generator.ts'
import { openKeyStore } from './open-key-store.ts'
import { openLedger } from './open-ledger.ts'
import { openHostMeter } from './open-meter.ts'
import { openRateLimiter } from './open-rate-limiter.ts'
import type { Services } from './services.ts'
import { startSweeping } from './sweeper.ts'

export interface LocalServicesOptions {
  environment: Environment
  /** Where models run: in worker threads beside a server, or inline in a command. */
  runner?: 'threads' | 'inline'
  developmentKey?: string | undefined
  onProgress?: (entry: ModelEntry, progress: FetchProgress) => void
}

export interface LocalServices extends Services {
  readonly artifacts: ArtifactStore
  readonly batch: PublishingServices
  readonly keyStore: KeyStore
  readonly languageModels: LanguageModels
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

/** The services of one machine: a directory for S3, SQLite for DynamoDB, threads for Lambda. */
export async function localServices({
  environment,
  runner: place = 'threads',
  developmentKey = environment.PERCALL_DEV_KEY,
  onProgress,
}: LocalServicesOptions): Promise<LocalServices> {
  silenceRuntimeTelemetry()
  const home = environment.PERCALL_HOME
  makeHome(home)
  const logger = createLogger({ level: environment.PERCALL_LOG })
  const catalog = createCatalog(readModels(modelsDirectory(environment), { parse: parseManifest }))
  const artifacts = cachedArtifactStore(await openArtifactStore(environment), {
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
  // A command that ends at once leaves that to the host.
  const isHost = place === 'threads'
  const stopSweeping = isHost
    ? startSweeping({ ledger, outbox, keyStore, logger })
    : async () => undefined
  const stopExporting = isHost ? startExporting(environment, ledger) : async () => undefined
  const cpus = cpuShare()
  const runner =
    place === 'threads'
      ? threadedRunner({ readArtifact, threads: environment.PERCALL_WORKERS ?? threadCount(cpus) })
      : inlineRunner({ readArtifact, threads: threadCount(cpus), proveOnLoad: true })

  const stopBatch = isHost
    ? startBatch(batch, {
        readArtifact,
        size: environment.PERCALL_WORKERS ?? threadCount(cpus),
        codeCache: join(home, 'code'),
        logger,
      })
    : async () => undefined

  const languageModels = createLanguageModels((entry) =>
    openGenerator(entry, { readArtifact, threads: threadCount(cpus) }),
  )

  return {
    batch,
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
      await stopBatch()
      await stopExporting()
      await stopSweeping()
      await batch.close()
      await runner.close()
      await languageModels.close()
      await meter.close()
      keyStore.close?.()
      await outbox.close()
      await ledger.close()
    },
  }
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

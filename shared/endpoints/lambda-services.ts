import { join } from 'node:path'
import { createAuthenticator } from '#shared/access/authenticate.ts'
import { createCatalog } from '#shared/catalog/catalog.ts'
import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { readModels } from '#shared/catalog/read-models.ts'
import { cpuShare, threadCount } from '#shared/config/cpu-share.ts'
import { readEnvironment, silenceRuntimeTelemetry } from '#shared/config/environment.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { ModelRunner, ReadArtifact } from '#shared/inference/model-runner.ts'
import type { JobServices } from '#shared/jobs/job-services.ts'
import { createMemoryRateStore } from '#shared/metering/memory-rate-store.ts'
import { readPriceBook } from '#shared/metering/read-price-book.ts'
import type { SaleOutbox } from '#shared/metering/sale-outbox.ts'
import { createLogger } from '#shared/observability/logger.ts'
import { jwtVerifier } from './jwt-verifier.ts'
import { lazily } from './lazily.ts'
import { lazyKeyStore } from './lazy-key-store.ts'
import { lazyLedger } from './lazy-ledger.ts'
import { lazySaleOutbox } from './lazy-sale-outbox.ts'
import { openArtifactStore } from './open-artifact-store.ts'
import { openKeyStore } from './open-key-store.ts'
import { openLedger } from './open-ledger.ts'
import { openMeter } from './open-meter.ts'
import { openRateLimiter } from './open-rate-limiter.ts'
import { openRateStore } from './open-rate-store.ts'
import type { Services } from './services.ts'

export interface LambdaServices extends Services {
  /** What was sold while the ledger did not answer. */
  readonly outbox: SaleOutbox | undefined
  readonly readArtifact: ReadArtifact
  /** Threads inside one run. */
  readonly threads: number
  readonly openJobs: () => Promise<JobServices>
}

/** What a function needs that runs models; in the cold start of no other. */
export interface LambdaModels {
  /** Whose name alone the function serves; all models where absent. */
  readonly only?: string
  readonly openRunner: (options: { readArtifact: ReadArtifact; threads: number }) => ModelRunner
  /** Pays what the first session of a process costs, while the file is on its way. */
  readonly warmRuntime?: () => Promise<void>
}

/** The services of one Lambda environment. It serves one request at a time, unless its models say else. */
export function lambdaServices({
  only,
  openRunner = runsNone,
  warmRuntime = async () => undefined,
}: Partial<LambdaModels> = {}): LambdaServices {
  silenceRuntimeTelemetry()
  const environment = readEnvironment()
  const directory =
    environment.PERCALL_MODELS ?? join(environment.LAMBDA_TASK_ROOT ?? '.', 'models')
  const catalog = createCatalog(readModels(directory, { only }))
  const artifactStore = lazily(() => openArtifactStore(environment))
  const openKeys = lazily(() => openKeyStore(environment))
  const keyStore = lazyKeyStore(openKeys)

  const warmOnce = lazily(warmRuntime)
  const readArtifact = async ({ manifest }: ModelEntry): Promise<Uint8Array<ArrayBuffer>> => {
    const bytes = (await artifactStore()).fetch(manifest.artifact)
    // While the file is on its way, the first caller's key gets its store opened, and the runtime
    // pays what its first session costs. What fails here shows when it is needed.
    setImmediate(() => void Promise.allSettled([openKeys(), warmOnce()]))
    return bytes
  }
  const threads = threadCount(
    cpuShare({ lambdaMemoryMB: environment.AWS_LAMBDA_FUNCTION_MEMORY_SIZE }),
  )
  const { PERCALL_KEY_PEPPER: pepper, PERCALL_KEY_PEPPER_OLD: oldPepper } = environment
  if (pepper === undefined) {
    throw new ServiceError('configuration_invalid', { detail: 'PERCALL_KEY_PEPPER must be set.' })
  }
  const ledger = lazyLedger(lazily(() => openLedger(environment)))
  const outbox =
    environment.PERCALL_SALE_OUTBOX === undefined
      ? undefined
      : lazySaleOutbox(
          lazily(async () => (await import('./open-sale-outbox.ts')).openSaleOutbox(environment)),
        )
  const rateStore = lazily(() => openRateStore(environment))
  const prices = readPriceBook(environment.PERCALL_PRICES ?? join(directory, 'price-book.json'))
  return {
    catalog,
    keyStore,
    pepper,
    oldPepper,
    ledger,
    prices,
    outbox,
    meter: openMeter(ledger, prices, outbox),
    limitRate: openRateLimiter(
      ledger,
      { step: async (...step) => (await rateStore()).step(...step) },
      createMemoryRateStore(),
    ),
    // Few calls are put off: it is in no other's cold start.
    openJobs: lazily(async () =>
      (await import('./open-jobs.ts')).openJobs(environment, { pepper, oldPepper }),
    ),
    readArtifact,
    threads,
    runner: openRunner({ readArtifact, threads }),
    authenticate: createAuthenticator({
      keyStore,
      pepper,
      oldPepper,
      verifyJwt: jwtVerifier(environment),
    }),
    logger: createLogger({ level: environment.PERCALL_LOG }),
    bodyLimitBytes: environment.PERCALL_BODY_LIMIT,
    ready: async () => undefined,
    close: async () => undefined,
  }
}

/** Of the functions that answer without a model. */
function runsNone(): ModelRunner {
  const refuse = async (): Promise<never> => {
    throw new ServiceError('model_not_found')
  }
  return {
    predict: refuse,
    infer: refuse,
    load: refuse,
    ready: refuse,
    close: async () => undefined,
  }
}

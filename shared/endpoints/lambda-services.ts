import { join } from 'node:path'
import { createAuthenticator } from '#shared/access/authenticate.ts'
import { createCatalog } from '#shared/catalog/catalog.ts'
import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { readModels } from '#shared/catalog/read-models.ts'
import { cpuShare, threadCount } from '#shared/config/cpu-share.ts'
import { readEnvironment, silenceRuntimeTelemetry } from '#shared/config/environment.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { inlineRunner } from '#shared/inference/inline-runner.ts'
import { createMemoryRateStore } from '#shared/metering/memory-rate-store.ts'
import { readPriceBook } from '#shared/metering/read-price-book.ts'
import type { SaleOutbox } from '#shared/metering/sale-outbox.ts'
import { createLogger } from '#shared/observability/logger.ts'
import { warmRuntime } from '#shared/runtime/onnx-session.ts'
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
}

/**
 * The services of one Lambda environment. It serves one request at a time, so models run inline:
 * nothing else waits for the event loop, and a cold start need not start a thread.
 *
 * @param only the model that the function serves; none for the functions that run no model
 */
export function lambdaServices(only?: string): LambdaServices {
  silenceRuntimeTelemetry()
  const environment = readEnvironment()
  const directory =
    environment.PERCALL_MODELS ?? join(environment.LAMBDA_TASK_ROOT ?? '.', 'models')
  const catalog = createCatalog(readModels(directory, { only }))
  const artifactStore = lazily(() => openArtifactStore(environment))
  const openKeys = lazily(() => openKeyStore(environment))
  const keyStore = lazyKeyStore(openKeys)

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
    runner: inlineRunner({ readArtifact, threads }),
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

const warmOnce = lazily(warmRuntime)

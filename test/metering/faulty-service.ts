import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { publishArtifact } from '#shared/artifacts/publish-artifact.ts'
import { readEnvironment } from '#shared/config/environment.ts'
import { localEndpoint } from '#shared/endpoints/local-endpoint.ts'
import { localServices } from '#shared/endpoints/local-services.ts'
import { startNodeHost } from '#shared/endpoints/node-host.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { createMeter, type Meter, type MeterOptions } from '#shared/metering/metered-call.ts'
import type { Random } from '#test/simulator/random.ts'
import { createFaultyLedger } from './faulty-ledger.ts'

export interface FaultyServiceOptions {
  readonly random: Random
  /** How many of the store's operations and of the model's runs fail. */
  readonly share: number
  readonly environment: Readonly<Record<string, string>>
  readonly makeMeter?: (options: MeterOptions) => Meter
}

/** Long enough for a run on a busy machine; what an attempt left behind can be had soon after. */
const timeoutMs = 2_000
const leaseMarginMs = 500

/** The Node host with iris, a ledger on disk or elsewhere, and faults between the two. */
export async function startFaultyService({
  random,
  share,
  environment,
  makeMeter = createMeter,
}: FaultyServiceOptions) {
  const home = mkdtempSync(join(tmpdir(), 'percall-storm-'))
  const models = copyIris(home)
  const settings = readEnvironment({
    PERCALL_HOME: home,
    PERCALL_MODELS: models,
    PERCALL_LOG: 'silent',
    PERCALL_WORKERS: '1',
    ...environment,
  })
  const services = await localServices({ environment: settings })
  const { catalog, prices, runner } = services
  for (const { manifest, folder } of catalog.list()) {
    const { artifact } = manifest
    await publishArtifact(services.artifacts, artifact, { folder, file: artifact.file ?? '' })
  }
  const { ledger, faults } = createFaultyLedger(services.ledger, random, share)
  const failures = { model: 0 }
  const meter = makeMeter({
    ledger,
    prices,
    leaseMarginMs,
    newId: () => Array.from({ length: 4 }, () => random.next().toString(36).slice(2)).join(''),
    sleep,
  })
  const host = await startNodeHost({
    endpoint: localEndpoint({
      ...services,
      ledger,
      meter,
      runner: {
        ...runner,
        predict(entry, request) {
          if (!random.chance(share)) return runner.predict(entry, request)
          failures.model += 1
          throw new ServiceError(random.pick(['inference_failed', 'deadline_exceeded']))
        },
      },
    }),
    host: '127.0.0.1',
    port: 0,
    bodyLimitBytes: services.bodyLimitBytes,
  })
  return {
    url: host.url,
    /** As it is, without faults. */
    services,
    faults,
    failures,
    /** From then on the lease of what is left has ended. */
    leasesEnd: () => sleep(timeoutMs + leaseMarginMs),
    async stop() {
      await host.close()
      await services.close()
      rmSync(home, { recursive: true })
    },
  }
}

/** With a time limit of its own. */
function copyIris(home: string): string {
  const models = join(home, 'models')
  mkdirSync(models)
  for (const name of ['iris', 'price-book.json']) {
    cpSync(join('models', name), join(models, name), { recursive: true })
  }
  const file = join(models, 'iris/manifest.json')
  const manifest = JSON.parse(readFileSync(file, 'utf8'))
  writeFileSync(file, JSON.stringify({ ...manifest, limits: { ...manifest.limits, timeoutMs } }))
  return models
}

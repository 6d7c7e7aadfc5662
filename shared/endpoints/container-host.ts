import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Catalog, createCatalog } from '#shared/catalog/catalog.ts'
import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { parseManifest } from '#shared/catalog/parse-manifest.ts'
import { readModelFolder, readModels } from '#shared/catalog/read-models.ts'
import { cpuShare, threadCount } from '#shared/config/cpu-share.ts'
import type { Environment } from '#shared/config/environment.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { writesText } from '#shared/generation/language-models.ts'
import { modelKey } from '#shared/inference/model.ts'
import { findNamed } from './find-named.ts'
import { generatorStarter } from './generator-starter.ts'
import { localEndpoint } from './local-endpoint.ts'
import { type LocalServices, localServices, modelsDirectory } from './local-services.ts'
import { createModelShelf } from './model-shelf.ts'
import { startNodeHost } from './node-host.ts'
import { openRunner } from './open-runner.ts'
import { publishOwnArtifacts } from './publish-own-artifacts.ts'
import { sagemakerEndpoint } from './sagemaker-endpoint.ts'

export interface ContainerHost {
  readonly url: string
  /** Lets calls under way end, then gives everything back. */
  close(): Promise<void>
}

/** Between two attempts to become ready. */
const retryMs = 2_000

/**
 * One process with all doors of a container: every route of the service, KServe's `/v2` among them,
 * and SageMaker's contract. It is ready once the model of `/invocations` has answered its golden
 * sample, or can write; what keeps it from that is logged and tried again.
 */
export async function startContainerHost(environment: Environment): Promise<ContainerHost> {
  const { HOST: host, SAGEMAKER_BIND_TO_PORT: port = environment.PORT } = environment
  const catalog = containerCatalog(environment)
  const chosen = chosenModel(catalog, environment.PERCALL_MODEL)
  const services = await localServices({ environment, catalog })
  const { logger, bodyLimitBytes } = services
  const entries = catalog.list().flatMap(({ manifest }) => catalog.versions(manifest.name))
  const { failures } = await publishOwnArtifacts(environment, entries)
  for (const cause of failures) logger.error('a model file cannot be stored', { cause })

  const readiness = becomeReady(services, chosen)
  const shelf = createModelShelf({
    services,
    openRunner: (readArtifact) => openRunner(environment, { readArtifact, size: 1 }),
    startGenerator: generatorStarter(environment),
    threads: threadCount(cpuShare()),
  })
  const server = await startNodeHost({
    endpoint: sagemakerEndpoint({
      services,
      endpoint: localEndpoint(services),
      isReady: () => readiness.isReady,
      model: () => chosen ?? refuseToChoose(),
      shelf,
      platformKey: environment.PERCALL_INVOCATIONS_KEY,
    }),
    host,
    port,
    bodyLimitBytes,
  })
  logger.info('serving', { location: server.url })
  return {
    url: server.url,
    async close() {
      readiness.stop()
      await server.close()
      await shelf.close()
      await services.close()
    },
  }
}

/** The model that the platform has put into the container, else those that came with it. */
function containerCatalog(environment: Environment): Catalog {
  const { SM_MODEL_DIR: folder = '/opt/ml/model' } = environment
  const brought = existsSync(join(folder, 'manifest.json'))
    ? [readModelFolder(folder, parseManifest)]
    : existsSync(folder)
      ? readModels(folder, { parse: parseManifest })
      : []
  return createCatalog(
    brought.length > 0
      ? brought
      : readModels(modelsDirectory(environment), { parse: parseManifest }),
  )
}

/**
 * The one that is named, else the only one there is. One that is named wrongly would never be ready.
 * @throws ServiceError `model_not_found`, `version_not_found`
 */
function chosenModel(catalog: Catalog, name: string | undefined): ModelEntry | undefined {
  if (name !== undefined) return findNamed(catalog, name)
  const [first, ...others] = catalog.list()
  return others.length === 0 ? first : undefined
}

function refuseToChoose(): never {
  throw new ServiceError('model_not_found', {
    detail: 'This container serves several models, and none is chosen for this path.',
    fix: 'Name one by PERCALL_MODEL, or call the routes that name it themselves.',
  })
}

/** Proves the chosen model (the smallest, where none is chosen) until it can be proven. */
function becomeReady(services: LocalServices, entry: ModelEntry | undefined) {
  const { logger, runner, languageModels } = services
  let timer: NodeJS.Timeout | undefined
  const readiness = { isReady: false, stop: () => clearTimeout(timer) }
  const prove = async (): Promise<void> => {
    if (!entry) await services.ready()
    else await (writesText(entry) ? languageModels.find(entry) : runner.ready(entry))
    readiness.isReady = true
    logger.info('ready', { model: entry && modelKey(entry) })
  }
  const attempt = (): void => {
    prove().catch((cause: unknown) => {
      logger.error('not ready', { cause })
      timer = setTimeout(attempt, retryMs)
    })
  }
  attempt()
  return readiness
}

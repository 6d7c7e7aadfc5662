import { createKeyManager } from '#shared/access/manage-keys.ts'
import { publishArtifact } from '#shared/artifacts/publish-artifact.ts'
import { readEnvironment } from '#shared/config/environment.ts'
import { type LocalServices, localServices } from '#shared/endpoints/local-services.ts'
import { cacheFolder } from './cache-folder.ts'

/**
 * The services of one machine with its models published and a new key. Processes that run at the
 * same time share them: a key of one is good for the other.
 *
 * @param models a folder of model folders; percall's own where absent
 * @param variables more of the environment, such as another ledger
 */
export async function localService(
  runner: 'workers' | 'inline',
  models?: string,
  variables: Readonly<Record<string, string>> = {},
): Promise<{ services: LocalServices; key: string }> {
  const environment = readEnvironment({
    PERCALL_HOME: cacheFolder('home'),
    PERCALL_LOG: 'error',
    ...(models !== undefined && { PERCALL_MODELS: models }),
    ...variables,
  })
  const services = await localServices({ environment, runner })
  for (const { folder, manifest } of services.catalog.list()) {
    const { file } = manifest.artifact
    if (file) await publishArtifact(services.artifacts, manifest.artifact, { folder, file })
  }
  const { keyStore, pepper } = services
  const manager = createKeyManager({ keyStore, pepper })
  const { key } = await manager.create({ name: 'bench', scopes: ['predict'], mode: 'test' })
  return { services, key }
}

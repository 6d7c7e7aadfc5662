import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe } from 'vitest'
import { publishArtifact } from '#shared/artifacts/publish-artifact.ts'
import { readEnvironment } from '#shared/config/environment.ts'
import { localEndpoint } from '#shared/endpoints/local-endpoint.ts'
import { localServices } from '#shared/endpoints/local-services.ts'
import { startNodeHost } from '#shared/endpoints/node-host.ts'
import { batchBehaviour } from './batch-behaviour.ts'
import { batchRightsBehaviour } from './batch-rights-behaviour.ts'
import { behaviour } from './behaviour.ts'
import { httpRequest } from './http-request.ts'
import type { StartHost } from './running-host.ts'

const oldPepper = 'the pepper that was replaced, for tests only'

const start: StartHost = async ({ jwtIssuer, unpublished }) => {
  const home = mkdtempSync(join(tmpdir(), 'percall-home-'))
  const environment = readEnvironment({
    PERCALL_HOME: home,
    PERCALL_LOG: 'silent',
    PERCALL_KEY_PEPPER_OLD: oldPepper,
    PERCALL_JWT_ISSUER: jwtIssuer,
    PERCALL_JWT_AUDIENCE: 'percall',
  })
  const services = await localServices({ environment })
  for (const { manifest, folder } of services.catalog.list()) {
    const { artifact, name } = manifest
    if (name === unpublished || artifact.file === undefined) continue
    await publishArtifact(services.artifacts, artifact, { folder, file: artifact.file })
  }
  const host = await startNodeHost({
    endpoint: localEndpoint(services),
    host: '127.0.0.1',
    port: 0,
    bodyLimitBytes: environment.PERCALL_BODY_LIMIT,
  })
  return {
    ...services,
    objects: services.batch.objects,
    oldPepper,
    request: (call) => httpRequest(host.url, call),
    async stop() {
      await host.close()
      await services.close()
      rmSync(home, { recursive: true })
    },
  }
}

behaviour('the Node host', start)
describe('percall on the Node host', () => {
  batchBehaviour(start)
  batchRightsBehaviour(start)
})

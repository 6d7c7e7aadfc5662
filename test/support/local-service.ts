import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { publishArtifact } from '#shared/artifacts/publish-artifact.ts'
import { readEnvironment } from '#shared/config/environment.ts'
import { localEndpoint } from '#shared/endpoints/local-endpoint.ts'
import { type LocalServices, localServices } from '#shared/endpoints/local-services.ts'
import { startNodeHost } from '#shared/endpoints/node-host.ts'
import { createLogger } from '#shared/observability/logger.ts'

export interface LocalService {
  readonly url: string
  /** The development key. */
  readonly key: string
  readonly services: LocalServices
  /** Everything that was logged so far, a JSON object a line. */
  readonly log: readonly string[]
  /** A call with the key, unless `headers` holds an `authorization` of its own. */
  request(path: string, init?: RequestInit): Promise<Response>
  /** `POST` of a JSON value. */
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Response>
  stop(): Promise<void>
}

const key = 'a-development-key-of-tests'
const served = ['iris', 'spam', 'price-book.json']

/**
 * The service of one machine on a free port, in this process, with a home of its own: the models
 * iris and spam, one worker thread and a development key, unless `environment` says otherwise.
 */
export async function startLocalService(
  environment: Readonly<Record<string, string>> = {},
): Promise<LocalService> {
  const home = mkdtempSync(join(tmpdir(), 'percall-service-'))
  const models = join(home, 'models')
  mkdirSync(models)
  for (const name of served) cpSync(join('models', name), join(models, name), { recursive: true })
  const settings = readEnvironment({
    PERCALL_HOME: home,
    PERCALL_MODELS: models,
    PERCALL_DEV_KEY: key,
    PERCALL_WORKERS: '1',
    ...environment,
  })
  const log: string[] = []
  const logger = createLogger({ write: (line) => log.push(line) })
  const services = { ...(await localServices({ environment: settings })), logger }
  for (const { manifest, folder } of services.catalog.list()) {
    const { artifact } = manifest
    if (artifact.file === undefined) continue
    await publishArtifact(services.artifacts, artifact, { folder, file: artifact.file })
  }
  const host = await startNodeHost({
    endpoint: localEndpoint(services),
    host: '127.0.0.1',
    port: 0,
    bodyLimitBytes: services.bodyLimitBytes,
  })
  const request = (path: string, init: RequestInit = {}) => {
    const headers = new Headers(init.headers)
    if (!headers.has('authorization')) headers.set('authorization', `Bearer ${key}`)
    return fetch(host.url + path, { ...init, headers })
  }
  return {
    url: host.url,
    key,
    services,
    log,
    request,
    post: (path, body, headers = {}) =>
      request(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      }),
    async stop() {
      await host.close()
      await services.close()
      rmSync(home, { recursive: true })
    },
  }
}

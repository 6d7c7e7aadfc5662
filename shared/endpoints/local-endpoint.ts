import type { Endpoint } from '#shared/protocols/http-message.ts'
import { accountEndpoint } from './account-endpoint.ts'
import { catalogEndpoint } from './catalog-endpoint.ts'
import { modelEndpoint } from './model-endpoint.ts'
import type { Services } from './services.ts'

/** All functions behind one door, as the HTTP API's routes put them together on AWS. */
export function localEndpoint(services: Services): Endpoint {
  const account = accountEndpoint(services)
  const catalog = catalogEndpoint(services)
  const models = new Map<string, Endpoint>()
  for (const { manifest } of services.catalog.list()) {
    models.set(manifest.name, modelEndpoint(manifest.name, services))
  }
  return (request) => {
    // The card of a model, `/v1/models/iris`, is the catalogue's; what lies below is the model's.
    const [, name] =
      /^\/v1\/models\/([^/@]+)[^/]*\/./.exec(request.path) ??
      /^\/v2\/models\/([^/]+)/.exec(request.path) ??
      []
    if (name === undefined && accountPaths.test(request.path)) return account(request)
    return ((name !== undefined && models.get(name)) || catalog)(request)
  }
}

const accountPaths =
  /^\/v1\/(price|estimate|keys|account|credits|refunds|usage|costs|ledger|invoices)(\/|$)/

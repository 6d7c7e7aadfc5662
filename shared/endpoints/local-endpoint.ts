import { writesText } from '#shared/generation/language-models.ts'
import { isMiss } from '#shared/middleware/call.ts'
import { accountOperations } from '#shared/protocols/account-operations.ts'
import { batchOperations } from '#shared/protocols/batch-operations.ts'
import { generationOperations } from '#shared/protocols/generation-operations.ts'
import type { Endpoint } from '#shared/protocols/http-message.ts'
import { type Action, matchRoute } from '#shared/protocols/routes.ts'
import { accountEndpoint } from './account-endpoint.ts'
import type { BatchActionServices } from './batch-actions.ts'
import { batchEndpoint, takesUpload } from './batch-endpoint.ts'
import { catalogEndpoint } from './catalog-endpoint.ts'
import { generationEndpoint } from './generation-endpoint.ts'
import { modelEndpoint } from './model-endpoint.ts'
import type { WritingServices } from './writing-action.ts'

/** All functions behind one door, as the HTTP API's routes put them together on AWS. */
export function localEndpoint(services: BatchActionServices & WritingServices): Endpoint {
  const batch = batchEndpoint(services)
  const account = accountEndpoint(services)
  const catalog = catalogEndpoint(services)
  const generation = generationEndpoint(services)
  const models = new Map<string, Endpoint>()
  for (const entry of services.catalog.list()) {
    const { name } = entry.manifest
    // What writes text is asked by the routes that name it in the body.
    if (!writesText(entry)) models.set(name, modelEndpoint(name, services))
  }
  const endpoint: Endpoint = (request) => {
    const match = matchRoute(request.method, request.path)
    if (isMiss(match)) return catalog(request)
    const { action } = match.route
    if (Object.hasOwn(accountOperations, action)) return account(request)
    if (Object.hasOwn(batchOperations, action)) return batch(request)
    if (Object.hasOwn(generationOperations, action)) return generation(request)
    const model = modelActions.has(action) ? models.get(match.model ?? '') : undefined
    return (model ?? catalog)(request)
  }
  endpoint.takesUpload = takesUpload
  return endpoint
}

/** What the functions of the models answer; the card of a model is the catalogue's. */
const modelActions: ReadonlySet<Action> = new Set([
  'predict',
  'infer',
  'model-metadata',
  'model-ready',
])

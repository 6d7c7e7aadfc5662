import { writesText } from '#shared/generation/language-models.ts'
import { isMiss } from '#shared/middleware/call.ts'
import { generationOperations } from '#shared/protocols/generation-operations.ts'
import type { Endpoint } from '#shared/protocols/http-message.ts'
import { type Action, matchRoute } from '#shared/protocols/routes.ts'
import { catalogEndpoint } from './catalog-endpoint.ts'
import { generationEndpoint } from './generation-endpoint.ts'
import { modelEndpoint } from './model-endpoint.ts'
import { writerEndpoint } from './writer-endpoint.ts'
import type { WritingServices } from './writing-action.ts'

/** Every model of the catalogue behind one door, those that write among them, and the catalogue itself. */
export function servingEndpoint(services: WritingServices): Endpoint {
  const catalog = catalogEndpoint(services)
  const generation = generationEndpoint(services)
  const models = new Map<string, Endpoint>()
  for (const entry of services.catalog.list()) {
    const { name } = entry.manifest
    models.set(name, (writesText(entry) ? writerEndpoint : modelEndpoint)(name, services))
  }
  return (request) => {
    const match = matchRoute(request.method, request.path)
    if (isMiss(match)) return catalog(request)
    const { action } = match.route
    if (Object.hasOwn(generationOperations, action)) return generation(request)
    const model = modelActions.has(action) ? models.get(match.model ?? '') : undefined
    return (model ?? catalog)(request)
  }
}

/** What the functions of the models answer; the card of a model is the catalogue's. */
const modelActions: ReadonlySet<Action> = new Set([
  'predict',
  'infer',
  'model-metadata',
  'model-ready',
])

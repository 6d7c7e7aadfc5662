import { ServiceError } from '#shared/errors/service-error.ts'
import { writesText } from '#shared/generation/language-models.ts'
import { isMiss } from '#shared/middleware/call.ts'
import type { Endpoint, HttpRequest } from '#shared/protocols/http-message.ts'
import { jsonResponse } from '#shared/protocols/http-message.ts'
import { encodeIndex, encodeModel, encodeModels } from '#shared/protocols/model-list.ts'
import type { RouteMatch, RouteMiss } from '#shared/protocols/routes.ts'
import { findTask } from '#shared/tasks/find-task.ts'
import { type Action, action } from './action.ts'
import { dispatch } from './dispatch.ts'
import { lambdaServices } from './lambda-services.ts'
import { notReady } from './not-ready.ts'
import type { Services } from './services.ts'

/** What is true of the service as a whole: lists, cards, health, the OpenAPI document. */
export function catalogEndpoint(services: Services = lambdaServices()): Endpoint {
  const { catalog } = services
  const answer = (encode: (match: RouteMatch, request: HttpRequest) => unknown): Action =>
    action(services, {
      decode: ({ match }) => foundOf(match),
      run: (match, { request }) => encode(match, request),
      encode: (value) => jsonResponse(value),
    })

  const actions: Record<string, Action> = {
    index: answer(() => encodeIndex()),
    openapi: answer(async () => {
      // What is said of every route is not in a cold start.
      const { createOpenapi } = await import('#shared/protocols/openapi.ts')
      return createOpenapi(catalog.list(), ({ manifest }) => findTask(manifest.task.name))
    }),
    models: answer(() => encodeModels(catalog.list())),
    model: answer(({ model = '', version }, { query }) =>
      encodeModel(catalog.find(model, version), catalog.versions(model), {
        allLabels: query.labels === 'all',
      }),
    ),
    'server-metadata': answer(() => ({ name: 'percall', version: '2', extensions: [] })),
    live: answer(() => ({ live: true })),
    ready: answer(async () => {
      await services.ready().catch(notReady)
      return { live: true, ready: true }
    }),
    'v2-models': answer(() => ({ models: catalog.list().map(({ manifest }) => manifest.name) })),
  }
  // A model's own routes end here only where there is no such model.
  const elsewhere = answer(({ model, version, route }) => {
    if (model !== undefined) {
      const entry = catalog.find(model, version)
      if (writesText(entry)) throw atItsOwnAddress(model)
      if (entry.manifest.heavy) throw hasNoPlace(model)
    }
    throw new ServiceError('route_not_found', { detail: `${route.path} is not served here.` })
  })

  return dispatch(actions, services, elsewhere)
}

/** Behind a gateway that hands on whole answers there is no place for what streams. */
const atItsOwnAddress = (model: string) =>
  new ServiceError('route_not_found', {
    detail: `${model} writes text, and is served at an address of its own.`,
    fix: 'Ask it at the URL of its function, by /v1/chat/completions or /v1/completions.',
  })

/** Where there is a place, the calls of heavy models go to a door of their own. */
const hasNoPlace = (model: string) =>
  new ServiceError('route_not_found', {
    detail: `${model} is a heavy model, and this stage has no place for those.`,
    fix: 'Deploy the stage with --param heavy=lambda or --param heavy=sagemaker.',
  })

function foundOf(match: RouteMatch | RouteMiss): RouteMatch {
  if (isMiss(match)) throw match.error
  return match
}

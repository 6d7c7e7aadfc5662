import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { isMiss } from '#shared/middleware/call.ts'
import { jsonResponse } from '#shared/protocols/http-message.ts'
import { decodePredict, encodePrediction } from '#shared/protocols/plain-call.ts'
import type { RouteMatch, RouteMiss } from '#shared/protocols/routes.ts'
import { findTask } from '#shared/tasks/find-task.ts'
import { type Action, action } from './action.ts'
import { notReady } from './not-ready.ts'
import { plainPurchase } from './plain-purchase.ts'
import { purchaseOf } from './purchase-of.ts'
import type { Services } from './services.ts'

/** What is asked of one model, by the names of the route table. */
export function modelActions(name: string, services: Services): Readonly<Record<string, Action>> {
  const { catalog, runner } = services
  const entryOf = (match: RouteMatch | RouteMiss): ModelEntry => {
    if (isMiss(match)) throw match.error
    if (match.model !== name) throw new ServiceError('model_not_found')
    return catalog.find(name, match.version)
  }

  return {
    predict: action(services, {
      async decode({ match, request }) {
        const entry = entryOf(match)
        const { media } = await findTask(entry.manifest.task.name)
        return { entry, asked: decodePredict(request, media) }
      },
      purchase: ({ input: { entry, asked }, request }) =>
        plainPurchase(services.prices, entry, request, asked.inputs),
      deferral: {
        entryOf: ({ entry }) => entry,
        askedOf: ({ asked }) => asked,
      },
      repin: ({ input }, version) => ({ ...input, entry: catalog.find(name, version) }),
      run: ({ entry, asked }, { request: { signal } }) => runner.predict(entry, asked, { signal }),
      encode: (prediction, { input }) => encodePrediction(input.entry, prediction),
    }),
    infer: action(services, {
      async decode({ match, request }) {
        const entry = entryOf(match)
        const wire = await tensorWire()
        return { wire, entry, asked: wire.decodeInfer(request, entry) }
      },
      purchase({ input: { entry, asked }, request: { body, sentBytes = body.length } }) {
        const [first] = Object.values(asked.inputs)
        // Tensors are no images any more.
        return purchaseOf(entry, { rows: first?.shape[0] ?? 1, inputBytes: sentBytes })
      },
      deferral: { entryOf: ({ entry }) => entry },
      repin: ({ input }, version) => ({ ...input, entry: catalog.find(name, version) }),
      run: ({ entry, asked }, { request: { signal } }) => runner.infer(entry, asked, { signal }),
      encode: (result, { input: { wire, entry, asked } }) => wire.encodeInfer(entry, asked, result),
    }),
    'model-metadata': action(services, {
      decode: ({ match }) => entryOf(match),
      async run(entry) {
        const { encodeModelMetadata } = await tensorWire()
        return encodeModelMetadata(entry, catalog.versions(name))
      },
      encode: (response) => response,
    }),
    'model-ready': action(services, {
      decode: ({ match }) => entryOf(match),
      run: (entry) => runner.ready(entry).then(() => entry, notReady),
      encode: ({ manifest }) => jsonResponse({ name: manifest.name, ready: true }),
    }),
  }
}

/** Calls with tensors are the rarer ones: a cold start does not wait for their dialect. */
const tensorWire = () => import('#shared/protocols/open-inference.ts')

import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { checkGoldenSample } from '#shared/inference/golden-sample.ts'
import { isMiss } from '#shared/middleware/call.ts'
import { type Endpoint, jsonResponse } from '#shared/protocols/http-message.ts'
import { encodeModelMetadata } from '#shared/protocols/open-inference.ts'
import { decodePredict, encodePrediction } from '#shared/protocols/plain-call.ts'
import { readPlainText } from '#shared/protocols/plain-writing.ts'
import type { RouteMatch, RouteMiss } from '#shared/protocols/routes.ts'
import { action } from './action.ts'
import { dispatch } from './dispatch.ts'
import { lazily } from './lazily.ts'
import { notReady } from './not-ready.ts'
import { checkPlainText, orderPlainText, plainModel, predictText } from './predict-text.ts'
import { purchaseOf } from './purchase-of.ts'
import type { WritingServices } from './writing-action.ts'

/**
 * The routes under the name of a model that writes. Its own are those of `generation-endpoint.ts`;
 * here it is asked as any other model, by a plain call. It takes no tensors.
 */
export function writerEndpoint(name: string, services: WritingServices): Endpoint {
  const { catalog, languageModels } = services
  const entryOf = (match: RouteMatch | RouteMiss): ModelEntry => {
    if (isMiss(match)) throw match.error
    if (match.model !== name) throw new ServiceError('model_not_found')
    return catalog.find(name, match.version)
  }
  const proofs = new WeakMap<ModelEntry, Promise<void>>()
  const prove = (entry: ModelEntry): Promise<void> => {
    const known = proofs.get(entry)
    if (known) return known
    const proof = checkGoldenSample(plainModel(languageModels, entry))
    proofs.set(entry, proof)
    // A failure is forgotten: it may have been want of memory.
    proof.catch(() => proofs.delete(entry))
    return proof
  }

  return dispatch(
    {
      predict: action(services, {
        decode({ match, request }) {
          const entry = entryOf(match)
          const asked = readPlainText(decodePredict(request, []))
          // The model is not needed where the call is put off.
          return { asked, entry, order: lazily(() => orderPlainText(languageModels, entry, asked)) }
        },
        async purchase({ input: { entry, order }, request: { body, sentBytes = body.length } }) {
          const { prompt, maxTokens } = (await order()).request
          const tokens = { inputTokens: prompt.length, outputTokens: maxTokens }
          return purchaseOf(entry, { rows: 1, inputBytes: sentBytes, ...tokens })
        },
        deferral: {
          entryOf: ({ entry }) => entry,
          check: ({ input: { entry, asked } }) => checkPlainText(entry, asked),
        },
        repin: ({ input }, version) => ({ ...input, entry: catalog.find(name, version) }),
        async run({ asked, entry, order: buy }, { request: { deferred, signal } }) {
          const bought = await buy()
          const isPinned = bought.entry !== entry
          const order = isPinned ? await orderPlainText(languageModels, entry, asked) : bought
          return predictText(order, deferred && signal)
        },
        encode: (prediction, { input }) => ({
          ...encodePrediction(input.entry, prediction),
          sold: { consumed: () => ({ outputTokens: prediction.outputTokens }) },
        }),
      }),
      infer: action<never, never>(services, {
        decode({ match }) {
          entryOf(match)
          throw new ServiceError('input_invalid', {
            detail: 'This model writes text, and takes no tensors.',
            fix: 'Ask it by POST /v1/chat/completions or POST /v1/completions.',
          })
        },
        run: (input) => input,
        encode: (output) => output,
      }),
      'model-metadata': action(services, {
        decode: ({ match }) => entryOf(match),
        run: (entry) => encodeModelMetadata(entry, catalog.versions(name)),
        encode: (response) => response,
      }),
      'model-ready': action(services, {
        decode: ({ match }) => entryOf(match),
        run: (entry) => prove(entry).then(() => entry, notReady),
        encode: ({ manifest }) => jsonResponse({ name: manifest.name, ready: true }),
      }),
    },
    services,
  )
}

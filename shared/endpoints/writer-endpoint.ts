import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { checkGoldenSample } from '#shared/inference/golden-sample.ts'
import { isMiss } from '#shared/middleware/call.ts'
import type { Endpoint } from '#shared/protocols/http-message.ts'
import { decodePredict, encodePrediction } from '#shared/protocols/plain-call.ts'
import { type PlainText, readPlainText } from '#shared/protocols/plain-writing.ts'
import type { RouteMatch, RouteMiss } from '#shared/protocols/routes.ts'
import { action } from './action.ts'
import { dispatch } from './dispatch.ts'
import { lazily } from './lazily.ts'
import { modelActions } from './model-actions.ts'
import { checkPlainText, orderPlainText, plainModel, predictText } from './predict-text.ts'
import { purchaseOf } from './purchase-of.ts'
import type { WritingServices } from './writing-action.ts'

/**
 * The routes under the name of a model that writes. Its own are those of `generation-endpoint.ts`;
 * here it is asked as any other model, by a plain call. It takes no tensors.
 */
export function writerEndpoint(name: string, services: WritingServices): Endpoint {
  const { catalog, languageModels, runner } = services
  const entryOf = (match: RouteMatch | RouteMiss): ModelEntry => {
    if (isMiss(match)) throw match.error
    if (match.model !== name) throw new ServiceError('model_not_found')
    return catalog.find(name, match.version)
  }
  const proofs = new WeakMap<ModelEntry, () => Promise<void>>()
  const ready = (entry: ModelEntry): Promise<void> => {
    const proof =
      proofs.get(entry) ?? lazily(() => checkGoldenSample(plainModel(languageModels, entry)))
    proofs.set(entry, proof)
    return proof()
  }
  // The model is not needed where the call is put off.
  const inputOf = (asked: PlainText, entry: ModelEntry) => ({
    asked,
    entry,
    order: lazily(() => orderPlainText(languageModels, entry, asked)),
  })

  return dispatch(
    {
      ...modelActions(name, { ...services, runner: { ...runner, ready } }),
      predict: action(services, {
        decode({ match, request }) {
          const entry = entryOf(match)
          return inputOf(readPlainText(decodePredict(request, [])), entry)
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
        repin: ({ input: { asked } }, version) => inputOf(asked, catalog.find(name, version)),
        run: async ({ order }, { request: { deferred, signal } }) =>
          predictText(await order(), deferred && signal),
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
    },
    services,
  )
}

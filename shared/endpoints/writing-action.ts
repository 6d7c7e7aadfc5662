import { randomUUID } from 'node:crypto'
import { requireModel } from '#shared/access/require-model.ts'
import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { type CompletionPiece, complete } from '#shared/generation/complete.ts'
import { type LanguageModels, writesText } from '#shared/generation/language-models.ts'
import { modelKey } from '#shared/inference/model.ts'
import { callerOf } from '#shared/middleware/authenticate/caller-of.ts'
import { isMiss } from '#shared/middleware/call.ts'
import type { HttpRequest, HttpResponse } from '#shared/protocols/http-message.ts'
import {
  encodeWriting,
  streamWriting,
  type Writing,
  type WritingAsked,
  type WritingFormat,
} from '#shared/protocols/writing-answer.ts'
import { type Action, action } from './action.ts'
import { lazily } from './lazily.ts'
import { measureText, orderText, type TextOrderSteps } from './order-text.ts'
import { purchaseOf } from './purchase-of.ts'
import { readWriter } from './read-writer.ts'
import type { Services } from './services.ts'

export interface WritingServices extends Services {
  readonly languageModels: LanguageModels
}

export interface WritingSteps<Asked extends WritingAsked> extends TextOrderSteps<Asked> {
  readonly format: WritingFormat
  readonly decode: (request: HttpRequest) => Asked
  readonly now?: () => number
  readonly newId?: () => string
}

/** One way of asking a model for text: the whole at once, or as it comes. */
export function writingAction<Asked extends WritingAsked>(
  services: WritingServices,
  { format, decode, now = Date.now, newId = randomUUID, ...steps }: WritingSteps<Asked>,
): Action {
  const { catalog, languageModels } = services
  // The model is not needed where the call is put off.
  const inputOf = (asked: Asked, entry: ModelEntry) => ({
    asked,
    entry,
    order: lazily(() => orderText(languageModels, entry, asked, steps)),
  })

  return action(services, {
    async decode(call) {
      const { match, request } = call
      if (isMiss(match)) throw match.error
      const asked = decode(request)
      const [name = '', ...version] = asked.model.split('@')
      const caller = callerOf(call)
      if (caller) requireModel(caller, name)
      const entry = catalog.find(name, version.length > 0 ? version.join('@') : undefined)
      if (!writesText(entry)) {
        throw new ServiceError('parameter_invalid', {
          detail: 'This model does not write text.',
          fix: 'Call it by POST /v1/models/{name}/predict.',
          param: 'model',
        })
      }
      return inputOf(asked, entry)
    },
    async purchase({ input: { entry, order }, request: { body, sentBytes = body.length } }) {
      const { prompt, maxTokens } = (await order()).request
      const brought = { inputBytes: sentBytes, inputTokens: prompt.length, outputTokens: maxTokens }
      return purchaseOf(entry, brought)
    },
    deferral: {
      entryOf: ({ entry }) => entry,
      check: ({ input: { entry, asked } }) => measureText(asked, steps, readWriter(entry)),
    },
    repin: ({ input: { asked, entry } }, version) =>
      inputOf(asked, catalog.find(entry.manifest.name, version)),
    async run({ asked, entry, order }, { request }): Promise<HttpResponse> {
      const ordered = await order()
      const { timeoutMs } = entry.manifest.limits
      const { signal, deferred } = request
      const rest = complete(ordered.model, ordered.request, {
        timeoutMs,
        // Whoever waits for the whole has ordered it, unless it is a job that is called off.
        signal: deferred && !asked.stream ? signal : undefined,
      })
      const first = await firstOf(rest, asked.stream ? signal : undefined)
      const writing: Writing = {
        format,
        id: newId(),
        createdAt: now(),
        model: modelKey(entry),
        inputTokens: ordered.request.prompt.length,
        includeUsage: asked.includeUsage,
        first,
        rest,
      }
      return asked.stream ? streamWriting(writing) : wholeOf(writing)
    },
    encode: (response) => response,
  })
}

/** Nothing is sent before it: until then a failure is an answer like any other. */
async function firstOf(
  pieces: AsyncIterableIterator<CompletionPiece, undefined>,
  signal: AbortSignal | undefined,
): Promise<CompletionPiece> {
  const leave = () => void pieces.return?.()
  signal?.addEventListener('abort', leave, { once: true })
  if (signal?.aborted) leave()
  const next = await pieces.next().finally(() => signal?.removeEventListener('abort', leave))
  if (!next.done) return next.value
  throw new ServiceError('deadline_exceeded', { detail: 'The caller has gone.' })
}

async function wholeOf(writing: Writing): Promise<HttpResponse> {
  let last = writing.first
  let text = last.text
  for (;;) {
    const next = await writing.rest.next()
    if (next.done) return encodeWriting(writing, text, last)
    last = next.value
    text += last.text
  }
}

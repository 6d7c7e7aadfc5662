import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { complete } from '#shared/generation/complete.ts'
import type { LanguageModels } from '#shared/generation/language-models.ts'
import type { Model, Prediction, PredictRequest } from '#shared/inference/model.ts'
import { type PlainText, readPlainText, type WrittenText } from '#shared/protocols/plain-writing.ts'
import { measureText, orderText, type TextOrder, type TextOrderSteps } from './order-text.ts'
import { readWriter } from './read-writer.ts'

/** A plain prediction whose output was written token by token. */
export interface TextPrediction extends Prediction {
  readonly outputs: WrittenText
  readonly outputTokens: number
}

/** What a plain call asks of a model that writes. @throws ServiceError those of `orderText` */
export const orderPlainText = (
  languageModels: LanguageModels,
  entry: ModelEntry,
  asked: PlainText,
): Promise<TextOrder> => orderText(languageModels, entry, asked, plainSteps)

const plainSteps: TextOrderSteps<PlainText> = {
  textsOf: ({ prompt }) => [prompt],
  promptOf: ({ prompt }, { tokenizer }) => tokenizer.encode(prompt),
}

/** Refuses what `orderPlainText` would refuse, without the model. @throws ServiceError `prompt_too_long` */
export const checkPlainText = (entry: ModelEntry, asked: PlainText): unknown =>
  measureText(asked, plainSteps, readWriter(entry))

/** Writes all of it, unless `signal` ends it: then what there is. @throws ServiceError those of `complete` */
export async function predictText(
  { entry, model, request }: TextOrder,
  signal?: AbortSignal,
): Promise<TextPrediction> {
  const { timeoutMs } = entry.manifest.limits
  const startedAt = performance.now()
  const pieces = await Array.fromAsync(complete(model, request, { timeoutMs, signal }))
  const { finishReason = 'stop', outputTokens = 0 } = pieces.at(-1) ?? {}
  const text = pieces.map((piece) => piece.text).join('')
  const timings = { prepareMs: 0, runMs: performance.now() - startedAt, interpretMs: 0 }
  const outputs = { generated_text: text, finish_reason: finishReason }
  return { outputs, rows: 1, timings, outputTokens }
}

/** A model that writes, asked as any other. */
export const plainModel = (
  languageModels: LanguageModels,
  entry: ModelEntry,
): Pick<Model, 'entry' | 'predict'> => ({
  entry,
  predict: async (request: PredictRequest) =>
    predictText(await orderPlainText(languageModels, entry, readPlainText(request))),
})

import { randomInt } from 'node:crypto'
import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import type { CompletionRequest, LanguageModel } from '#shared/generation/complete.ts'
import type { LanguageModels } from '#shared/generation/language-models.ts'
import { refuseLongText, roomFor } from '#shared/generation/room-for.ts'
import type { WritingSettings } from '#shared/protocols/writing-answer.ts'

/** What is to be written, by which version of which model. */
export interface TextOrder {
  readonly entry: ModelEntry
  readonly model: LanguageModel
  readonly request: CompletionRequest
}

export interface TextOrderSteps<Asked extends WritingSettings> {
  /** The text that is sent, to be measured before it is cut into tokens. */
  readonly textsOf: (asked: Asked) => readonly string[]
  readonly promptOf: (asked: Asked, model: LanguageModel) => number[]
  readonly newSeed?: () => number
}

/**
 * Opens the model and counts what is asked of it.
 * @throws ServiceError `prompt_too_long`, those of fetching and loading
 */
export async function orderText<Asked extends WritingSettings>(
  languageModels: LanguageModels,
  entry: ModelEntry,
  asked: Asked,
  { textsOf, promptOf, newSeed = () => randomInt(2 ** 31) }: TextOrderSteps<Asked>,
): Promise<TextOrder> {
  const model = await languageModels.find(entry)
  const { contextTokens } = model.generator
  const characters = textsOf(asked).reduce((sum, text) => sum + text.length, 0)
  refuseLongText(characters, contextTokens)
  const prompt = promptOf(asked, model)
  const maxTokens = roomFor(prompt.length, asked.maxTokens, { contextTokens })
  const { temperature, topP, seed = newSeed(), stop } = asked
  return { entry, model, request: { prompt, maxTokens, temperature, topP, seed, stop } }
}

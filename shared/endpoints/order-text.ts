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

/** What limits a text, and what it is measured by. */
export interface TextLimits extends Pick<LanguageModel, 'tokenizer'> {
  /** Prompt and answer together. */
  readonly contextTokens: number
}

export interface TextOrderSteps<Asked extends WritingSettings> {
  /** The text that is sent, to be measured before it is cut into tokens. */
  readonly textsOf: (asked: Asked) => readonly string[]
  readonly promptOf: (asked: Asked, model: Pick<LanguageModel, 'tokenizer'>) => number[]
  readonly newSeed?: () => number
}

/**
 * What is to be written, in tokens; nothing but its tokenizer is needed of the model.
 * @throws ServiceError `prompt_too_long`
 */
export function measureText<Asked extends WritingSettings>(
  asked: Asked,
  { textsOf, promptOf }: TextOrderSteps<Asked>,
  { tokenizer, contextTokens }: TextLimits,
): Pick<CompletionRequest, 'prompt' | 'maxTokens'> {
  const characters = textsOf(asked).reduce((sum, text) => sum + text.length, 0)
  refuseLongText(characters, contextTokens)
  const prompt = promptOf(asked, { tokenizer })
  return { prompt, maxTokens: roomFor(prompt.length, asked.maxTokens, { contextTokens }) }
}

/**
 * Opens the model and counts what is asked of it.
 * @throws ServiceError `prompt_too_long`, those of fetching and loading
 */
export async function orderText<Asked extends WritingSettings>(
  languageModels: LanguageModels,
  entry: ModelEntry,
  asked: Asked,
  { newSeed = () => randomInt(2 ** 31), ...steps }: TextOrderSteps<Asked>,
): Promise<TextOrder> {
  const model = await languageModels.find(entry)
  const { generator, tokenizer } = model
  const measured = measureText(asked, steps, { tokenizer, ...generator })
  const { temperature, topP, seed = newSeed(), stop } = asked
  return { entry, model, request: { ...measured, temperature, topP, seed, stop } }
}

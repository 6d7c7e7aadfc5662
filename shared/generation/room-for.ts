import { ServiceError } from '#shared/errors/service-error.ts'

/** No tokenizer makes longer words on average; what is longer need not be cut into tokens at all. */
const mostCharactersAToken = 16

/** @throws ServiceError `prompt_too_long` where a text is sure not to fit */
export function refuseLongText(characters: number, contextTokens: number): void {
  if (characters > contextTokens * mostCharactersAToken) throw tooLong(contextTokens)
}

/**
 * How many tokens may be written: what is asked for, or as many as are usual, as far as there is room.
 * @throws ServiceError `prompt_too_long` where what is asked for does not fit behind the prompt
 */
export function roomFor(
  promptTokens: number,
  asked: number | undefined,
  { contextTokens, usualTokens = 1_024 }: { contextTokens: number; usualTokens?: number },
): number {
  const room = contextTokens - promptTokens
  if (room < (asked ?? 1)) {
    throw tooLong(contextTokens, `the prompt has ${promptTokens}, and ${asked ?? 1} are asked for`)
  }
  return asked ?? Math.min(usualTokens, room)
}

const tooLong = (contextTokens: number, reason = 'the prompt alone has more') =>
  new ServiceError('prompt_too_long', {
    detail: `The context of the model has ${contextTokens} tokens; ${reason}.`,
  })

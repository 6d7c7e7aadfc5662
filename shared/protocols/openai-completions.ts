import * as z from 'zod/mini'
import type { HttpRequest } from './http-message.ts'
import { readWriting, tokenCount, writingMembers } from './openai-writing.ts'
import { type WritingAsked, type WritingFormat, writingAsked } from './writing-answer.ts'

/** `POST /v1/completions` of the OpenAI API: a text is gone on with, without any roles. */

/** What the API writes where nothing is asked for. */
const defaultTokens = 16

const completionRequest = z.strictObject({
  ...writingMembers,
  prompt: z.string(),
  max_tokens: tokenCount,
})

export interface TextRequest extends WritingAsked {
  readonly prompt: string
}

/** @throws ServiceError `unsupported_media_type`, `json_…`, `parameter_invalid` */
export function decodeCompletion(request: HttpRequest): TextRequest {
  const { prompt, max_tokens, ...members } = readWriting(request, completionRequest)
  return { ...writingAsked(members), maxTokens: max_tokens ?? defaultTokens, prompt }
}

export const completionFormat: WritingFormat = {
  idPrefix: 'cmpl-',
  object: 'text_completion',
  chunkObject: 'text_completion',
  whole: (text, finishReason) => ({ index: 0, text, finish_reason: finishReason, logprobs: null }),
  opening: undefined,
  piece: (text) => ({ index: 0, text, finish_reason: null, logprobs: null }),
  last: (finishReason) => ({ index: 0, text: '', finish_reason: finishReason, logprobs: null }),
}

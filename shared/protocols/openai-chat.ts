import * as z from 'zod/mini'
import type { ChatMessage } from '#shared/generation/generator.ts'
import type { HttpRequest } from './http-message.ts'
import { readWriting, tokenCount, writingMembers } from './openai-writing.ts'
import { type WritingAsked, type WritingFormat, writingAsked } from './writing-answer.ts'

/** `POST /v1/chat/completions` of the OpenAI API. */

const textPart = z.strictObject({ type: z.literal('text'), text: z.string() })
const message = z.strictObject({
  role: z.enum(['system', 'developer', 'user', 'assistant']),
  content: z.union([z.string(), z.array(textPart).check(z.minLength(1))]),
  name: z.optional(z.string()),
  // Clients send the message of an answer back as it was.
  refusal: z.optional(z.null()),
})

const chatRequest = z.strictObject({
  ...writingMembers,
  messages: z.array(message).check(z.minLength(1), z.maxLength(2_048)),
  max_tokens: tokenCount,
  max_completion_tokens: tokenCount,
})

export interface ChatRequest extends WritingAsked {
  readonly messages: readonly ChatMessage[]
}

/** @throws ServiceError `unsupported_media_type`, `json_…`, `parameter_invalid` */
export function decodeChat(request: HttpRequest): ChatRequest {
  const { messages, max_tokens, max_completion_tokens, ...members } = readWriting(
    request,
    chatRequest,
  )
  return {
    ...writingAsked(members),
    maxTokens: max_completion_tokens ?? max_tokens ?? undefined,
    messages: messages.map(({ role, content }) => ({
      // Newer models call it so.
      role: role === 'developer' ? 'system' : role,
      content: typeof content === 'string' ? content : content.map(({ text }) => text).join(''),
    })),
  }
}

export const chatFormat: WritingFormat = {
  idPrefix: 'chatcmpl-',
  object: 'chat.completion',
  chunkObject: 'chat.completion.chunk',
  whole: (content, finishReason) => ({
    index: 0,
    message: { role: 'assistant', content, refusal: null },
    finish_reason: finishReason,
    logprobs: null,
  }),
  opening: {
    index: 0,
    delta: { role: 'assistant', content: '' },
    finish_reason: null,
    logprobs: null,
  },
  piece: (content) => ({ index: 0, delta: { content }, finish_reason: null, logprobs: null }),
  last: (finishReason) => ({ index: 0, delta: {}, finish_reason: finishReason, logprobs: null }),
}

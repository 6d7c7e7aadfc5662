import type { Endpoint } from '#shared/protocols/http-message.ts'
import { chatFormat, decodeChat } from '#shared/protocols/openai-chat.ts'
import { completionFormat, decodeCompletion } from '#shared/protocols/openai-completions.ts'
import { dispatch } from './dispatch.ts'
import { type WritingServices, writingAction } from './writing-action.ts'

/** All models that write, in the words of the OpenAI API: the body names the model. */
export function generationEndpoint(services: WritingServices): Endpoint {
  return dispatch(
    {
      'chat-completion': writingAction(services, {
        format: chatFormat,
        decode: decodeChat,
        textsOf: ({ messages }) => messages.map(({ content }) => content),
        promptOf: ({ messages }, { tokenizer }) => tokenizer.chat(messages),
      }),
      'text-completion': writingAction(services, {
        format: completionFormat,
        decode: decodeCompletion,
        textsOf: ({ prompt }) => [prompt],
        promptOf: ({ prompt }, { tokenizer }) => tokenizer.encode(prompt),
      }),
    },
    services,
  )
}

import type { Operation } from './account-operations.ts'
import type { GenerationAction } from './routes.ts'

type Json = Readonly<Record<string, unknown>>

const text: Json = { type: 'string' }
const whole = (minimum: number): Json => ({ type: ['integer', 'null'], minimum })

const writing: Json = {
  model: { ...text, description: 'May carry a version or alias.' },
  temperature: { type: ['number', 'null'], minimum: 0, maximum: 2, default: 1 },
  top_p: { type: ['number', 'null'], minimum: 0, maximum: 1, default: 1 },
  seed: { type: ['integer', 'null'], description: 'The same seed gives the same text.' },
  stop: {
    description: 'Texts before which the answer ends.',
    anyOf: [text, { type: 'array', items: text, minItems: 1, maxItems: 4 }, { type: 'null' }],
  },
  max_tokens: whole(1),
  stream: { type: ['boolean', 'null'], description: 'As server-sent events, ended by [DONE].' },
  stream_options: {
    type: ['object', 'null'],
    properties: { include_usage: { type: ['boolean', 'null'] } },
  },
  user: { type: ['string', 'null'] },
  metadata: { type: ['object', 'null'], additionalProperties: text },
}

const answer: Json = {
  type: 'object',
  required: ['id', 'object', 'created', 'model', 'choices', 'usage'],
}

/** What the OpenAPI document says of models that write. */
export const generationOperations: Readonly<Record<GenerationAction, Operation>> = {
  'chat-completion': {
    summary: 'OpenAI: the next message of a conversation, whole or as a stream.',
    body: {
      type: 'object',
      required: ['model', 'messages'],
      properties: {
        ...writing,
        messages: {
          type: 'array',
          minItems: 1,
          items: {
            type: 'object',
            required: ['role', 'content'],
            properties: {
              role: { enum: ['system', 'developer', 'user', 'assistant'] },
              content: {
                anyOf: [
                  text,
                  {
                    type: 'array',
                    items: { type: 'object', required: ['type', 'text'] },
                    description: 'Parts of type "text".',
                  },
                ],
              },
            },
          },
        },
        max_completion_tokens: { ...whole(1), description: 'Without it at most 1,024.' },
      },
    },
    answer,
  },
  'text-completion': {
    summary: 'OpenAI: a text gone on with, whole or as a stream.',
    body: {
      type: 'object',
      required: ['model', 'prompt'],
      properties: { ...writing, prompt: text, max_tokens: { ...whole(1), default: 16 } },
    },
    answer,
  },
}

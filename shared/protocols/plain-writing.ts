import * as z from 'zod/mini'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { PredictRequest } from '#shared/inference/model.ts'
import type { Task } from '#shared/tasks/task.ts'
import { writingMembers } from './openai-writing.ts'
import { integer, wantedOf } from './read-members.ts'
import type { WritingSettings } from './writing-answer.ts'

/** The plain call of a model that writes: a text that is gone on with, in Hugging Face's words. */

const defaultTokens = 16

const { temperature, top_p, seed, stop } = writingMembers
const settings = z.strictObject({
  max_new_tokens: z.optional(integer(1, 1_000_000)),
  temperature,
  top_p,
  seed,
  stop,
})

export interface PlainText extends WritingSettings {
  readonly prompt: string
}

/** What a plain call of it answers as `outputs`. */
export interface WrittenText {
  /** What follows the prompt. */
  readonly generated_text: string
  readonly finish_reason: 'stop' | 'length'
}

/** @throws ServiceError `input_invalid`, `parameter_invalid` */
export function readPlainText({ inputs, parameters }: PredictRequest): PlainText {
  if (typeof inputs !== 'string') {
    throw new ServiceError('input_invalid', {
      detail: 'inputs must be one text: this model goes on with one a call.',
    })
  }
  const parsed = settings.safeParse(parameters)
  if (!parsed.success) throw refusal(parsed.error.issues[0])
  const { max_new_tokens = defaultTokens, temperature, top_p, seed, stop } = parsed.data
  return {
    prompt: inputs,
    maxTokens: max_new_tokens,
    temperature: temperature ?? 1,
    topP: top_p ?? 1,
    seed: seed ?? undefined,
    stop: stop == null ? [] : [stop].flat(),
  }
}

function refusal(issue: z.core.$ZodIssue | undefined): ServiceError {
  const known = Object.keys(settings.shape)
  const name = String(issue?.path[0] ?? '')
  return new ServiceError('parameter_invalid', {
    detail: known.includes(name)
      ? `Parameter "${name}" ${wantedOf(issue)}.`
      : `There is a parameter that is not known; parameters are ${known.join(', ')}.`,
  })
}

/** JSON Schemas for the OpenAPI document, as a task has them. */
export const plainWriting = {
  media: [],
  describe: () => ({
    input: { type: 'string', description: 'The text that is gone on with.' },
    output: {
      type: 'object',
      required: ['generated_text', 'finish_reason'],
      properties: {
        generated_text: { type: 'string' },
        finish_reason: { enum: ['stop', 'length'] },
      },
    },
    parameters: {
      max_new_tokens: { type: 'integer', minimum: 1, default: defaultTokens },
      temperature: { type: 'number', minimum: 0, maximum: 2, default: 1 },
      top_p: { type: 'number', minimum: 0, maximum: 1, default: 1 },
      seed: { type: 'integer', description: 'The same seed gives the same text.' },
      stop: { type: 'array', items: { type: 'string' }, minItems: 1, maxItems: 4 },
    },
  }),
} satisfies Pick<Task, 'media' | 'describe'>

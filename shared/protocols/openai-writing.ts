import * as z from 'zod/mini'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { HttpRequest } from './http-message.ts'
import { parseJson } from './parse-json.ts'
import { integer, wantedOf } from './read-members.ts'

/** What chat and plain completions of the OpenAI API have in common. */

/** `null` stands for a member that is left out. */
const maybe = <Schema extends z.ZodMiniType>(schema: Schema) => z.optional(z.nullable(schema))
const number = (minimum: number, maximum: number) => {
  const error = `must be a number from ${minimum} to ${maximum}`
  return z.number(error).check(z.minimum(minimum, error), z.maximum(maximum, error))
}
const stopWanted = 'must be a text of 1 to 256 characters, or a list of 1 to 4 of them'
const stopText = z
  .string(stopWanted)
  .check(z.minLength(1, stopWanted), z.maxLength(256, stopWanted))
const stopTexts = z
  .array(stopText, stopWanted)
  .check(z.minLength(1, stopWanted), z.maxLength(4, stopWanted))
const stop = z.union([stopText, stopTexts], stopWanted)

export const tokenCount = maybe(integer(1, 1_000_000))

export const writingMembers = {
  /** May carry a version or alias, `smollm2@1`. */
  model: z.string().check(z.regex(/^[A-Za-z0-9][\w.@-]{0,127}$/)),
  temperature: maybe(number(0, 2)),
  top_p: maybe(number(0, 1)),
  seed: maybe(z.int('must be a whole number')),
  stop: maybe(stop),
  stream: maybe(z.boolean()),
  stream_options: maybe(
    z.strictObject({
      include_usage: maybe(z.boolean()),
      include_obfuscation: maybe(z.literal(false)),
    }),
  ),
  user: maybe(z.string()),
  safety_identifier: maybe(z.string()),
  prompt_cache_key: maybe(z.string()),
  metadata: maybe(z.record(z.string(), z.string())),
}

/**
 * Members that a server of this API may be sent, with the values that ask for nothing and why
 * others are refused: clients send many of them with their defaults.
 */
const unsupported: Readonly<Record<string, { neutral: readonly unknown[]; why: string }>> = {
  n: { neutral: [1], why: 'One answer is given a call.' },
  best_of: { neutral: [1], why: 'One answer is given a call.' },
  logprobs: { neutral: [false], why: 'Probabilities of tokens are not given.' },
  top_logprobs: { neutral: [0], why: 'Probabilities of tokens are not given.' },
  logit_bias: { neutral: [{}], why: 'The model chooses by its own probabilities.' },
  frequency_penalty: { neutral: [0], why: 'The model chooses by its own probabilities.' },
  presence_penalty: { neutral: [0], why: 'The model chooses by its own probabilities.' },
  tools: { neutral: [[]], why: 'The model calls no tools.' },
  tool_choice: { neutral: ['none', 'auto'], why: 'The model calls no tools.' },
  parallel_tool_calls: { neutral: [true, false], why: 'The model calls no tools.' },
  functions: { neutral: [[]], why: 'The model calls no functions.' },
  function_call: { neutral: ['none', 'auto'], why: 'The model calls no functions.' },
  response_format: { neutral: [{ type: 'text' }], why: 'The model writes text alone.' },
  modalities: { neutral: [['text']], why: 'The model writes text alone.' },
  audio: { neutral: [], why: 'The model writes text alone.' },
  prediction: { neutral: [], why: 'Predicted outputs are not used.' },
  reasoning_effort: { neutral: ['none'], why: 'The model does not reason apart from its answer.' },
  verbosity: { neutral: ['medium'], why: 'The model knows no degrees of it.' },
  service_tier: { neutral: ['auto', 'default'], why: 'There is one tier.' },
  store: { neutral: [false], why: 'Answers are not kept to be read again.' },
  web_search_options: { neutral: [], why: 'The model does not search.' },
  echo: { neutral: [false], why: 'The prompt is not repeated.' },
  suffix: { neutral: [''], why: 'The model writes forwards alone.' },
}

/**
 * The members of a body, by a schema.
 * @throws ServiceError `unsupported_media_type`, `json_…`, `parameter_invalid` naming the member
 */
export function readWriting<Schema extends z.ZodMiniType>(
  { body, headers }: HttpRequest,
  schema: Schema,
): z.output<Schema> {
  const contentType = headers['content-type']?.split(';')[0]?.trim().toLowerCase()
  if (contentType !== 'application/json') {
    throw new ServiceError('unsupported_media_type', { fix: 'Send application/json.' })
  }
  const value = parseJson(body)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ServiceError('parameter_invalid', { detail: 'The body must be a JSON object.' })
  }
  const parsed = schema.safeParse(withoutNeutral(value as Record<string, unknown>))
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const place = (issue?.path ?? []).map((part) => (typeof part === 'number' ? `[${part}]` : part))
  const name = place.join('.').replaceAll('.[', '[')
  if (issue?.code === 'unrecognized_keys') {
    const param = printable([...place, issue.keys[0] ?? ''].join('.').replaceAll('.[', '['))
    throw refusal(param, `${param === undefined ? 'A member' : `"${param}"`} is not known.`)
  }
  throw refusal(name, `"${name}" ${wantedOf(issue)}.`)
}

function withoutNeutral(body: Record<string, unknown>): Record<string, unknown> {
  const kept = Object.entries(body).filter(([name, value]) => {
    const row = Object.hasOwn(unsupported, name) ? unsupported[name] : undefined
    if (!row) return true
    const text = JSON.stringify(value)
    if (value !== null && !row.neutral.some((neutral) => JSON.stringify(neutral) === text)) {
      throw refusal(name, `"${name}" is not supported with this value. ${row.why}`)
    }
    return false
  })
  return Object.fromEntries(kept)
}

const refusal = (param: string | undefined, detail: string) =>
  new ServiceError('parameter_invalid', { detail, ...(param !== undefined && { param }) })

/** A name that a caller has made up is repeated only where it looks like one. */
const printable = (name: string) => (/^[\w.[\]-]{1,64}$/.test(name) ? name : undefined)

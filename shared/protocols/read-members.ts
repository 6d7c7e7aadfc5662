import * as z from 'zod/mini'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { Micros } from '#shared/metering/money.ts'
import type { HttpRequest } from './http-message.ts'
import { parseJson } from './parse-json.ts'

/**
 * The JSON object of a body, by a schema. An empty body is an empty object.
 * @throws ServiceError `unsupported_media_type`, `json_…`, `parameter_invalid`, `amount_invalid`
 */
export function readBodyMembers<Schema extends z.ZodMiniType>(
  { body, headers }: HttpRequest,
  schema: Schema,
): z.output<Schema> {
  const contentType = headers['content-type']?.split(';')[0]?.trim().toLowerCase() ?? ''
  if (body.length > 0 && contentType !== 'application/json') {
    throw new ServiceError('unsupported_media_type', { fix: 'Send application/json.' })
  }
  const value = body.length === 0 ? {} : parseJson(body, { depth: 16, bigIntegers: true })
  return checked(value, schema, 'body')
}

/** The parameters of a query, by a schema. @throws ServiceError `parameter_invalid` */
export const readQuery = <Schema extends z.ZodMiniType>(
  { query }: HttpRequest,
  schema: Schema,
): z.output<Schema> => checked(query, schema, 'query')

function checked<Schema extends z.ZodMiniType>(
  value: unknown,
  schema: Schema,
  place: 'body' | 'query',
): z.output<Schema> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  // Only our own names are repeated, never what was sent.
  const name = issue?.path.filter((part) => typeof part === 'string').join('.')
  const detail =
    issue?.code === 'unrecognized_keys'
      ? `The ${place} has a member that is not known.`
      : name
        ? `"${name}" ${wantedOf(issue)}.`
        : `The ${place} must be an object.`
  throw new ServiceError(/micros$/.test(name ?? '') ? 'amount_invalid' : 'parameter_invalid', {
    detail,
  })
}

/** What a member must be, where its schema says so: zod/mini has no sentences of its own. */
export const wantedOf = (issue: z.core.$ZodIssue | undefined): string =>
  issue?.message.startsWith('must be ')
    ? issue.message
    : 'is missing or has a value that it cannot have'

const largest = 2n ** 63n - 1n

/** A whole number of micros: as a JSON number, or as a string of digits where those would be rounded. */
export const amount = z.pipe(
  z.union([z.bigint(), z.int(), z.string().check(z.regex(/^\d{1,19}$/))]),
  z.pipe(
    z.transform((value: bigint | number | string): Micros => BigInt(value)),
    z.bigint().check(z.minimum(0n), z.maximum(largest)),
  ),
)

export const integer = (minimum: number, maximum: number) => {
  const error = `must be a whole number from ${minimum} to ${maximum}`
  return z.int(error).check(z.minimum(minimum, error), z.maximum(maximum, error))
}

/** A number in a query. */
export const queryInteger = (minimum: number, maximum: number) =>
  z.pipe(
    z.string().check(z.regex(/^\d{1,9}$/, `must be a whole number from ${minimum} to ${maximum}`)),
    z.pipe(z.transform(Number), integer(minimum, maximum)),
  )

/** A day, or a moment with its zone (ISO 8601), as epoch milliseconds. */
export const moment = z.pipe(
  z.union([z.iso.date(), z.iso.datetime({ offset: true })]),
  z.transform((text: string) => Date.parse(text)),
)

export const currency = z.string().check(z.regex(/^[A-Z]{3}$/))
export const tenant = z.string().check(z.regex(/^[A-Za-z0-9._:@|-]{1,128}$/))
export const id = z.string().check(z.regex(/^[A-Za-z0-9._:-]{1,128}$/))

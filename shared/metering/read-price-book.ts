import { readFileSync } from 'node:fs'
import * as z from 'zod/mini'
import { ServiceError } from '#shared/errors/service-error.ts'
import { createPriceBook, type PriceBook } from './price-book.ts'

/** Micros as a string of digits: JSON numbers are floats. */
const micros = z.optional(
  z.pipe(
    z.string().check(z.regex(/^\d{1,15}$/)),
    z.transform((digits: string) => BigInt(digits)),
  ),
)
const schema = z.array(
  z.strictObject({
    name: z.string().check(z.regex(/^[a-z0-9][a-z0-9-]{0,62}$/)),
    effectiveFrom: z.pipe(
      z.iso.date(),
      z.transform((date: string) => Date.parse(date)),
    ),
    currency: z.string().check(z.regex(/^[A-Z]{3}$/)),
    rates: z.strictObject({
      perCall: micros,
      perThousandRows: micros,
      perMegabyteIn: micros,
      perMillionPixels: micros,
      perMillionInputTokens: micros,
      perMillionOutputTokens: micros,
      perComputeMs: micros,
    }),
  }),
)

/** The price book of a file. @throws ServiceError `configuration_invalid`, naming the place */
export function readPriceBook(file: string): PriceBook {
  let content: unknown
  try {
    content = JSON.parse(readFileSync(file, 'utf8'))
  } catch (cause) {
    throw new ServiceError('configuration_invalid', { detail: `${file} cannot be read.`, cause })
  }
  const parsed = schema.safeParse(content)
  if (parsed.success) return createPriceBook(parsed.data)
  const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)
  throw new ServiceError('configuration_invalid', { detail: `${file}: ${problems.join('; ')}` })
}

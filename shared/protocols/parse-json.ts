import { ServiceError } from '#shared/errors/service-error.ts'
import { refuseJsonBombs } from '#shared/inference/refuse-json-bombs.ts'

export interface JsonLimits {
  /** Levels of nesting. */
  depth?: number
  /** Bytes of one string. */
  stringBytes?: number
  /** Read whole numbers beyond 2^53 as BigInt instead of rounding them; slower. */
  bigIntegers?: boolean
}

/**
 * JSON, after one linear pass that refuses what would cost `JSON.parse` out of proportion.
 * @throws ServiceError `json_too_deep`, `json_string_too_long`, `json_invalid`
 */
export function parseJson(
  bytes: Uint8Array,
  { depth = 32, stringBytes = 1_000_000, bigIntegers = false }: JsonLimits = {},
): unknown {
  refuseJsonBombs(bytes, depth, stringBytes)
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return bigIntegers ? JSON.parse(text, bigInteger) : JSON.parse(text)
  } catch (cause) {
    throw new ServiceError('json_invalid', { detail: describe(bytes, cause), cause })
  }
}

/** The reviver's third argument holds the number as it was written (ECMA-262, JSON.parse source). */
function bigInteger(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value
  return context?.source && /^-?\d{1,20}$/.test(context.source) ? BigInt(context.source) : value
}

function describe(bytes: Uint8Array, cause: unknown): string {
  if (bytes.length === 0) return 'The body is empty.'
  if (cause instanceof TypeError) return 'The body is not valid UTF-8.'
  // The engine's own words, without the piece of the body that it quotes.
  const position = /position (\d+)/.exec(String(cause))?.[1]
  return position ? `It is malformed at character ${position}.` : 'It is malformed or cut off.'
}

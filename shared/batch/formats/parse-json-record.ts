import { ServiceError } from '#shared/errors/service-error.ts'
import { refuseJsonBombs } from '#shared/inference/refuse-json-bombs.ts'
import type { ParsedRecord } from './split-records.ts'

const maxDepth = 32

/** One line of JSONL; `undefined` where there is nothing but spaces. */
export function parseJsonRecord(text: string): ParsedRecord | undefined {
  if (text === '') return undefined
  if (mayBeDeep(text)) {
    try {
      refuseJsonBombs(Buffer.from(text), maxDepth, Number.POSITIVE_INFINITY)
    } catch (thrown) {
      const { code, message } = ServiceError.from(thrown)
      return { error: { code, detail: message } }
    }
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    return /^[ \t\r]*$/.test(text) ? undefined : { error: describe(text, cause) }
  }
  return isAllFinite(value) ? { value } : { error: notFinite }
}

/** Too few brackets cannot be nested too deeply; most records have few, and are not looked at. */
function mayBeDeep(text: string): boolean {
  let openings = 0
  for (const bracket of '[{') {
    for (let at = text.indexOf(bracket); at >= 0; at = text.indexOf(bracket, at + 1)) {
      openings += 1
      if (openings > maxDepth) return true
    }
  }
  return false
}

/** A number beyond 1.8e308 is read as infinite. */
function isAllFinite(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value)
  if (typeof value !== 'object' || value === null) return true
  return Object.values(value).every(isAllFinite)
}

const notFinite = {
  code: 'number_not_finite',
  detail: 'A number is too large to be read.',
}

function describe(text: string, cause: unknown) {
  if (text.includes('\0')) return { code: 'record_invalid', detail: 'It contains a NUL byte.' }
  if (/(?:^|[\s:,[])-?(?:NaN|Infinity)\b/.test(text)) {
    return { code: 'number_not_finite', detail: 'NaN and Infinity are not JSON.' }
  }
  // The engine's own words, without the piece of the record that it quotes.
  const position = /position (\d+)/.exec(String(cause))?.[1]
  const where = position ? `malformed at character ${position}` : 'malformed or cut off'
  return { code: 'json_invalid', detail: `The JSON is ${where}.` }
}

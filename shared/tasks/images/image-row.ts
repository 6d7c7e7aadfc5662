import { ServiceError } from '#shared/errors/service-error.ts'
import type { Rows } from '../task.ts'

/** Media types of a raw body. What the bytes really are is told by the bytes themselves. */
export const imageMedia = ['image/jpeg', 'image/png', 'image/webp', 'application/octet-stream']

/** JSON Schema of one image. */
export const imageSchema = {
  type: 'string',
  contentEncoding: 'base64',
  description:
    'A JPEG, PNG or WebP file as base64 or as a data URL; or send its bytes as the body.',
}

const dataUrl = /^data:[a-z]+\/[a-z0-9.+-]+;base64,/i
const base64 = /^[A-Za-z0-9+/_-]+={0,2}$/

/**
 * Takes images apart: one or a list of base64 texts, data URLs, bytes, or `{"image": base64}`.
 * @throws ServiceError `input_invalid`
 */
export function imageRows(inputs: unknown): Rows {
  const single = !Array.isArray(inputs)
  const rows: unknown[] = single ? [inputs] : inputs
  if (rows.length === 0) throw invalid('inputs must hold at least one image.')
  return { rows, single }
}

/**
 * The bytes of the image file that one row holds.
 * @throws ServiceError `input_invalid`
 */
export function imageBytes(row: unknown, index: number): Uint8Array {
  if (row instanceof Uint8Array) return row
  const inside =
    typeof row === 'object' && row !== null && Object.hasOwn(row, 'image') && 'image' in row
      ? row.image
      : row
  if (inside instanceof Uint8Array) return inside
  if (typeof inside !== 'string') {
    throw invalid(`Image ${index} must be base64 text or {"image": base64 text}.`)
  }
  if (/^https?:/i.test(inside)) {
    throw invalid(`Image ${index} is an address; send the image itself, as base64.`)
  }
  const bytes = fromBase64(inside.slice(dataUrl.exec(inside)?.[0].length))
  if (bytes) return bytes
  throw invalid(`Image ${index} is not valid base64; the bytes of a file may be the whole body.`)
}

/** Node passes over what is no base64, so a text that gave all its bytes is proven without a look at it. */
function fromBase64(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64')
  const letters = text.length - (/={0,2}$/.exec(text.slice(-2))?.[0].length ?? 0)
  if (letters > 0 && letters % 4 !== 1 && bytes.length === Math.floor((letters * 3) / 4))
    return bytes
  // Encoders that follow MIME break lines.
  const joined = text.replace(/\s+/g, '')
  return base64.test(joined) ? Buffer.from(joined, 'base64') : undefined
}

const invalid = (detail: string) => new ServiceError('input_invalid', { detail })

/**
 * What a Parquet file holds, as JSON has it: whole numbers beyond 2^53 as text, dates as ISO 8601,
 * bytes as base64, nothing as null. @throws RangeError for NaN and infinities
 */
export function plainValue(value: unknown): unknown {
  switch (typeof value) {
    case 'number':
      if (!Number.isFinite(value)) throw new RangeError('A number is NaN or infinite.')
      return value
    case 'bigint': {
      const number = Number(value)
      return Number.isSafeInteger(number) ? number : value.toString()
    }
    case 'undefined':
      return null
    case 'object':
      return plainObject(value)
    default:
      return value
  }
}

function plainObject(value: object | null): unknown {
  if (value === null) return null
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) throw new RangeError('A date is none.')
    return value.toISOString()
  }
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (Array.isArray(value)) return value.map(plainValue)
  if (ArrayBuffer.isView(value)) {
    return Array.from(value as unknown as ArrayLike<number>, plainValue)
  }
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, plainValue(item)]))
}

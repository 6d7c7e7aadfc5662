import { ServiceError } from '#shared/errors/service-error.ts'

/** The longest that S3 takes, in bytes. */
const longestKey = 1024
/** Names of hidden and of half-written files begin with a dot, and so do `.` and `..`. */
const segment = /^[^./\p{Cc}][^/\p{Cc}]*$/u

/**
 * Whether a text can be the key of an object in every store: segments between slashes, of which none
 * is empty, begins with a dot or holds a control character. So no key leaves its directory.
 */
export const isObjectKey = (key: string): boolean =>
  key.isWellFormed() &&
  Buffer.byteLength(key) <= longestKey &&
  key.split('/').every((part) => segment.test(part))

/**
 * The key itself, if it can be one.
 *
 * @throws ServiceError `object_key_invalid`
 */
export function objectKey(key: string): string {
  if (isObjectKey(key)) return key
  throw new ServiceError('object_key_invalid')
}

/** The order of listings: by UTF-8, which differs from the order of JavaScript's strings behind U+D7FF. */
export function compareKeys(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let index = 0; index < length; index += 1) {
    const [one, other] = [a.charCodeAt(index), b.charCodeAt(index)]
    if (one !== other) return aboveSurrogates(one) - aboveSurrogates(other)
  }
  return a.length - b.length
}

/** Halves of pairs stand for code points above all others. */
const aboveSurrogates = (unit: number) => (unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit)

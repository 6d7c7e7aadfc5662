import { ServiceError } from '#shared/errors/service-error.ts'

const quote = 0x22
const backslash = 0x5c
const isOpening = (byte: number) => byte === 0x5b || byte === 0x7b
const isClosing = (byte: number) => byte === 0x5d || byte === 0x7d

/**
 * One linear pass over JSON that refuses what would cost `JSON.parse` out of proportion: 6 MB of `[`
 * take it 1.4 s and 200 MB. It stands here because inputs of models come by calls and by files.
 * @throws ServiceError `json_too_deep`, `json_string_too_long`
 */
export function refuseJsonBombs(bytes: Uint8Array, maxDepth: number, maxString: number): void {
  let depth = 0
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number
    if (byte === quote) {
      const start = at
      at++
      while (at < bytes.length && bytes[at] !== quote) at += bytes[at] === backslash ? 2 : 1
      if (at - start - 1 > maxString) {
        throw new ServiceError('json_string_too_long', {
          detail: `A string is longer than ${maxString} bytes.`,
        })
      }
    } else if (isOpening(byte)) {
      depth += 1
      if (depth > maxDepth) {
        throw new ServiceError('json_too_deep', {
          detail: `The nesting passes ${maxDepth} levels at byte ${at}.`,
        })
      }
    } else if (isClosing(byte)) {
      depth -= 1
    }
  }
}

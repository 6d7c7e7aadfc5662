import { createHash, hkdfSync } from 'node:crypto'

/**
 * Bytes that only the holder of the pepper can predict, and that come out the same for the same
 * purpose: whoever asks twice for one key gets one key, and nothing secret needs to be kept.
 * HKDF-SHA-256 (RFC 5869) with a purpose of its own for every draw.
 */
export function derivedBytes(
  pepper: string,
  purpose: readonly string[],
): (size: number) => Uint8Array {
  let draws = 0
  return (size) => {
    draws += 1
    const words = JSON.stringify(['percall api key', ...purpose, draws])
    // Hashed, since HKDF takes 1,024 bytes of it at most.
    const info = createHash('sha256').update(words).digest()
    return new Uint8Array(hkdfSync('sha256', pepper, '', info, size))
  }
}

import { createHmac, randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { ServiceError } from '#shared/errors/service-error.ts'

/**
 * The form of a key, after GitHub's token design: a prefix that secret scanners recognise, the
 * public id, the secret, and a checksum, so that a mistyped or invented key is refused without
 * asking the store.
 *
 *     pc_live_  7Qm2XbT9  k3…22 characters…Zr  0aK9xW
 *     mode      id        secret, 131 bits     CRC-32 of all before
 */
const pattern = /^pc_(live|test)_([0-9A-Za-z]{8})[0-9A-Za-z]{22}[0-9A-Za-z]{6}$/
const idLength = 8
const secretLength = 22
const checksumLength = 6
const shortestPepper = 32
const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

export type KeyMode = 'live' | 'test'

export interface MintOptions {
  readonly mode: KeyMode
  /** That many bytes nobody can predict. Default: those of `node:crypto`. */
  readonly newRandomBytes?: (size: number) => Uint8Array
  /** The same for the id alone. */
  readonly newIdBytes?: (size: number) => Uint8Array
}

/** A new key. Its text exists only here: what is kept is `hashApiKey` of it. */
export function mintApiKey(options: MintOptions) {
  const { mode, newRandomBytes = randomBytes, newIdBytes = newRandomBytes } = options
  const id = randomText(idLength, newIdBytes)
  const body = `pc_${mode}_${id}${randomText(secretLength, newRandomBytes)}`
  return { key: body + checksum(body), id }
}

/**
 * The public part of a key that is well-formed; whether it exists is the store's to say.
 * @throws ServiceError `api_key_malformed`
 */
export function parseApiKey(text: string): { id: string; mode: KeyMode } {
  const [, mode, id] = pattern.exec(text) ?? []
  const body = text.slice(0, -checksumLength)
  if (id === undefined || !text.endsWith(checksum(body))) {
    throw new ServiceError('api_key_malformed')
  }
  return { id, mode: mode === 'live' ? 'live' : 'test' }
}

/**
 * What is stored of a key: HMAC-SHA-256 under the pepper, 32 bytes. A slow password hash would add
 * nothing to 131 random bits but its slowness; the pepper makes a stolen table useless by itself.
 */
export function hashApiKey(key: string, pepper: string): Uint8Array<ArrayBuffer> {
  if (pepper.length < shortestPepper) {
    const detail = `The pepper of the keys must have at least ${shortestPepper} characters.`
    throw new ServiceError('configuration_invalid', { detail })
  }
  return createHmac('sha256', pepper).update(key).digest()
}

const checksum = (body: string) => {
  let text = ''
  for (let rest = crc32(body); rest > 0; rest = Math.floor(rest / 62)) {
    text = alphabet.charAt(rest % 62) + text
  }
  return text.padStart(checksumLength, '0')
}

function randomText(length: number, newRandomBytes: (size: number) => Uint8Array): string {
  let text = ''
  while (text.length < length) {
    for (const byte of newRandomBytes(length)) {
      // 248 = 4 × 62: taking the bytes above it as well would make the first letters likelier.
      if (byte < 248 && text.length < length) text += alphabet.charAt(byte % 62)
    }
  }
  return text
}

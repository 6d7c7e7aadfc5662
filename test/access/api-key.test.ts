import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hashApiKey, mintApiKey, parseApiKey } from '#shared/access/api-key.ts'

const pepper = 'a pepper of more than 32 characters'
const malformed = expect.objectContaining({ code: 'api_key_malformed', status: 401 })

test('mints keys that it reads back, with 44 characters and the mode in front', () => {
  for (const mode of ['live', 'test'] as const) {
    const { key, id } = mintApiKey({ mode })
    expect(key).toMatch(new RegExp(`^pc_${mode}_[0-9A-Za-z]{36}$`))
    expect(key.startsWith(`pc_${mode}_${id}`)).toBe(true)
    expect(parseApiKey(key)).toEqual({ id, mode })
  }
})

test('computes the published checksum', () => {
  const newRandomBytes = (size: number) => new Uint8Array(size)
  // zlib.crc32(b"pc_live_" + b"0" * 30) is 4203460990, in base 62 with digits first.
  expect(mintApiKey({ mode: 'live', newRandomBytes }).key).toBe(`pc_live_${'0'.repeat(30)}4aTIDu`)
})

test('refuses a key in which any one character was changed', () => {
  const { key } = mintApiKey({ mode: 'live' })
  for (let at = 0; at < key.length; at += 1) {
    const other = key[at] === 'x' ? 'y' : 'x'
    const changed = key.slice(0, at) + other + key.slice(at + 1)
    expect(() => parseApiKey(changed), changed).toThrow(malformed)
  }
})

test('refuses a live key that was relabelled as a test key', () => {
  const { key } = mintApiKey({ mode: 'live' })
  expect(() => parseApiKey(key.replace('live', 'test'))).toThrow(malformed)
})

test('refuses text of any other form', () => {
  const { key } = mintApiKey({ mode: 'test' })
  const texts = [
    '',
    'pc_live_',
    ` ${key}`,
    `${key} `,
    `${key}\n`,
    key.slice(1),
    key + key,
    key.slice(0, -1),
  ]
  for (const text of texts) expect(() => parseApiKey(text), text).toThrow(malformed)
  const refuses = (text: string) => {
    expect(() => parseApiKey(text)).toThrow(malformed)
  }
  fc.assert(fc.property(fc.string(), refuses))
})

test('takes characters from the whole alphabet without preferring any', () => {
  const counts = new Map<string, number>()
  for (let keys = 0; keys < 2_000; keys += 1) {
    for (const letter of mintApiKey({ mode: 'live', newRandomBytes: randomBytes }).key.slice(
      8,
      38,
    )) {
      counts.set(letter, (counts.get(letter) ?? 0) + 1)
    }
  }
  // 60,000 draws from 62 letters: 968 each, standard deviation 31. A plain remainder of 256 would
  // give the first eight letters 1,172.
  expect(counts.size).toBe(62)
  expect(Math.max(...counts.values())).toBeLessThan(1_130)
  expect(Math.min(...counts.values())).toBeGreaterThan(800)
})

test('hashes a key under the pepper, so that neither alone is enough', () => {
  const { key } = mintApiKey({ mode: 'live' })
  const hash = hashApiKey(key, pepper)
  expect(hash).toHaveLength(32)
  expect(hashApiKey(key, pepper)).toEqual(hash)
  expect(hashApiKey(key, `${pepper}!`)).not.toEqual(hash)
  expect(hashApiKey(mintApiKey({ mode: 'live' }).key, pepper)).not.toEqual(hash)
})

test('refuses to hash under a pepper that could be guessed', () => {
  const tooShort = expect.objectContaining({ code: 'configuration_invalid' })
  expect(() => hashApiKey('pc_live_x', 'x'.repeat(31))).toThrow(tooShort)
  expect(() => hashApiKey('pc_live_x', '')).toThrow(tooShort)
})

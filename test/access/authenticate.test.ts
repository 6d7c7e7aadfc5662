import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { hashApiKey, mintApiKey } from '#shared/access/api-key.ts'
import { type AuthenticatorOptions, createAuthenticator } from '#shared/access/authenticate.ts'
import type { KeyRecord } from '#shared/access/key-store.ts'
import { createSqliteKeyStore } from '#shared/access/sqlite-key-store.ts'
import { ServiceError } from '#shared/errors/service-error.ts'

const directory = mkdtempSync(join(tmpdir(), 'percall-authenticate-'))
const keyStore = createSqliteKeyStore({ path: join(directory, 'keys.sqlite') })
const pepper = 'a pepper of more than 32 characters'
const start = 1_795_392_000_000
const token = 'header.payload.signature'

afterAll(() => {
  keyStore.close()
  rmSync(directory, { recursive: true })
})

async function newKey(changes: Partial<KeyRecord> = {}) {
  const { key, id } = mintApiKey({ mode: changes.mode ?? 'live' })
  const hash = hashApiKey(key, pepper)
  const plain = { tenant: 'acme', name: 'n', mode: 'live', scopes: ['predict'] } as const
  await keyStore.put({ id, hash, ...plain, createdAt: start, ...changes })
  return { key, id }
}

/** An authenticator on the real store, with its own clock and a count of the reads. */
function setUp(options: Partial<AuthenticatorOptions> = {}) {
  const clock = { now: start }
  const reads: string[] = []
  const counted = {
    find: (id: string) => {
      reads.push(id)
      return keyStore.find(id)
    },
  }
  const now = () => clock.now
  const authenticate = createAuthenticator({ keyStore: counted, pepper, now, ...options })
  return { clock, reads, authenticate }
}

const refusal = (code: string) => expect.objectContaining({ code })

test('knows the owner of a key from either header', async () => {
  const { authenticate } = setUp()
  const { key, id } = await newKey({ mode: 'test', scopes: ['predict', 'account:read'] })
  const caller = {
    method: 'api-key',
    keyId: id,
    tenant: 'acme',
    mode: 'test',
    scopes: ['predict', 'account:read'],
  }
  expect(await authenticate({ apiKey: key })).toStrictEqual(caller)
  expect(await authenticate({ authorization: `Bearer ${key}` })).toStrictEqual(caller)
  expect(await authenticate({ authorization: `bearer  ${key} ` })).toStrictEqual(caller)
  expect(await authenticate({ authorization: 'Basic Og==', apiKey: key })).toStrictEqual(caller)
})

test('says that credentials are missing where there are none it could read', async () => {
  const { authenticate } = setUp()
  const { key } = await newKey()
  for (const credentials of [
    {},
    { authorization: '' },
    { authorization: 'Bearer' },
    { authorization: 'Bearer  ' },
    { authorization: key },
    { authorization: `Basic ${key}` },
    { authorization: `Bearer ${key} ${key}` },
    { apiKey: '' },
  ]) {
    await expect(authenticate(credentials)).rejects.toEqual(refusal('credentials_missing'))
  }
})

test('refuses a malformed key without asking the store', async () => {
  const { authenticate, reads } = setUp()
  const { key } = await newKey()
  for (const apiKey of [
    `${key}x`,
    key.slice(0, -1),
    'pc_live_',
    'pc_admin_x',
    'sk-something',
    'x',
  ]) {
    await expect(authenticate({ apiKey })).rejects.toEqual(refusal('api_key_malformed'))
  }
  expect(reads).toEqual([])
})

test('answers a wrong secret exactly as an id that does not exist', async () => {
  const { authenticate, reads } = setUp()
  const { key, id } = await newKey()
  await authenticate({ apiKey: key })
  const wrongSecret = await forge(id)
  const unknownId = mintApiKey({ mode: 'live' }).key
  const answers = []
  for (const apiKey of [wrongSecret, unknownId]) {
    const before = reads.length
    const error = await authenticate({ apiKey }).catch(ServiceError.from)
    answers.push({
      ...error,
      message: 'message' in error && error.message,
      reads: reads.length - before,
    })
  }
  expect(answers[0]).toMatchObject({ code: 'api_key_unknown', reads: 1 })
  expect(answers[0]).toEqual(answers[1])
})

test('refuses a key whose record was made under another pepper', async () => {
  const { authenticate } = setUp({ pepper: `${pepper}, but another` })
  const { key } = await newKey()
  await expect(authenticate({ apiKey: key })).rejects.toEqual(refusal('api_key_unknown'))
})

test('refuses a key from the very millisecond of its expiry, also when it is remembered', async () => {
  const { authenticate, clock, reads } = setUp()
  const { key } = await newKey({ expiresAt: start + 1_000 })
  clock.now = start + 999
  await authenticate({ apiKey: key })
  clock.now = start + 1_000
  await expect(authenticate({ apiKey: key })).rejects.toEqual(refusal('api_key_expired'))
  expect(reads).toHaveLength(1)
})

test('refuses a key from an address that is not on its list, and only then', async () => {
  const { authenticate, reads } = setUp({ lockout: { maxFailures: 2 } })
  const allowedIps = ['203.0.113.0/24', '2001:db8::/32']
  const { key: apiKey, id } = await newKey({ allowedIps })
  for (const sourceIp of ['203.0.113.7', '::ffff:203.0.113.7', '2001:db8::1']) {
    expect(await authenticate({ apiKey, sourceIp })).toMatchObject({ keyId: id, allowedIps })
  }
  for (const sourceIp of [...Array(5).fill('203.0.114.7'), '::1', '', undefined]) {
    const refused = { code: 'address_not_allowed', status: 403 }
    await expect(authenticate({ apiKey, sourceIp })).rejects.toMatchObject(refused)
  }
  expect(reads).toHaveLength(1)
  const stranger = authenticate({ apiKey: await forge(id), sourceIp: '203.0.114.7' })
  await expect(stranger).rejects.toEqual(refusal('api_key_unknown'))
})

test('refuses a key where its list of addresses has changed within 5 seconds', async () => {
  const { authenticate, clock } = setUp()
  const { key: apiKey, id } = await newKey()
  const call = { apiKey, sourceIp: '203.0.113.7' }
  await authenticate(call)
  await keyStore.change(id, { allowedIps: ['203.0.113.8'] })
  clock.now += 5_000
  await expect(authenticate(call)).rejects.toEqual(refusal('address_not_allowed'))
})

test('tells when the key of the caller expires', async () => {
  const { authenticate } = setUp()
  const { key } = await newKey({ expiresAt: start + 1_000 })
  expect(await authenticate({ apiKey: key })).toMatchObject({ expiresAt: start + 1_000 })
})

test('refuses a revoked key everywhere within 5 seconds', async () => {
  const [here, there] = [setUp(), setUp()]
  const { key, id } = await newKey()
  await here.authenticate({ apiKey: key })
  await keyStore.revoke(id, start + 1)
  await expect(there.authenticate({ apiKey: key })).rejects.toEqual(refusal('api_key_revoked'))
  here.clock.now = start + 5_000
  await expect(here.authenticate({ apiKey: key })).rejects.toEqual(refusal('api_key_revoked'))
})

test('reads the store once for many calls with the same key', async () => {
  const { authenticate, reads } = setUp()
  const { key } = await newKey()
  await Promise.all(Array.from({ length: 50 }, () => authenticate({ apiKey: key })))
  await authenticate({ apiKey: key })
  expect(reads).toHaveLength(1)
})

test('passes on that the store is down, and counts it against nobody', async () => {
  const find = () => Promise.reject(new ServiceError('store_unavailable'))
  const { authenticate } = setUp({ keyStore: { find }, lockout: { maxFailures: 1 } })
  const { key } = await newKey()
  for (let tries = 0; tries < 3; tries += 1) {
    const call = authenticate({ apiKey: key, sourceIp: '203.0.113.7' })
    await expect(call).rejects.toEqual(refusal('store_unavailable'))
  }
})

test('locks out a source that tries one key after another, before it reads the store', async () => {
  const { authenticate, clock, reads } = setUp({ lockout: { maxFailures: 5, lockMs: 60_000 } })
  const { key } = await newKey()
  const sourceIp = '203.0.113.7'
  for (let tries = 0; tries < 5; tries += 1) {
    const guess = { apiKey: mintApiKey({ mode: 'live' }).key, sourceIp }
    await expect(authenticate(guess)).rejects.toEqual(refusal('api_key_unknown'))
  }
  const locked = { code: 'too_many_attempts', status: 429, retryAfterSeconds: 60 }
  await expect(authenticate({ apiKey: key, sourceIp })).rejects.toMatchObject(locked)
  expect(reads).toHaveLength(5)
  expect(await authenticate({ apiKey: key, sourceIp: '203.0.113.8' })).toMatchObject({
    tenant: 'acme',
  })
  clock.now += 60_000
  expect(await authenticate({ apiKey: key, sourceIp })).toMatchObject({ tenant: 'acme' })
})

test('does not lock out who keeps using an expired or revoked key, or sends none', async () => {
  const { authenticate } = setUp({ lockout: { maxFailures: 2 } })
  const sourceIp = '203.0.113.7'
  const expired = await newKey({ expiresAt: start })
  const revoked = await newKey({ revokedAt: start })
  for (let tries = 0; tries < 5; tries += 1) {
    for (const [apiKey, code] of [
      [expired.key, 'api_key_expired'],
      [revoked.key, 'api_key_revoked'],
      [undefined, 'credentials_missing'],
    ]) {
      await expect(authenticate({ apiKey, sourceIp })).rejects.toMatchObject({ code })
    }
  }
})

test('hands what looks like a token to the verifier, and nothing else', async () => {
  const seen: string[] = []
  const caller = { method: 'jwt', mode: 'live', tenant: 't', subject: 's', scopes: [] } as const
  const verifyJwt = async (text: string) => {
    seen.push(text)
    return caller
  }
  const { authenticate } = setUp({ verifyJwt })
  expect(await authenticate({ authorization: `Bearer ${token}` })).toBe(caller)
  for (const apiKey of ['a.b', 'a.b.c.d', '..', 'a..c', 'pc_live_.b.c']) {
    await expect(authenticate({ apiKey })).rejects.toEqual(refusal('api_key_malformed'))
  }
  expect(seen).toEqual([token])
})

test('refuses tokens where no issuer is configured', async () => {
  const { authenticate } = setUp()
  await expect(authenticate({ apiKey: token })).rejects.toEqual(refusal('token_invalid'))
})

test('accepts the development key as it was given, whatever its form, and only that', async () => {
  for (const developmentKey of [
    'correct-horse-battery',
    'has.two.dots-and-more',
    mintApiKey({ mode: 'test' }).key,
  ]) {
    const { authenticate, reads } = setUp({ developmentKey })
    expect(await authenticate({ apiKey: developmentKey })).toStrictEqual({
      method: 'api-key',
      keyId: 'development',
      tenant: 'default',
      mode: 'test',
      scopes: ['admin'],
    })
    expect(reads).toEqual([])
    await expect(authenticate({ apiKey: `${developmentKey}x` })).rejects.toThrow(ServiceError)
    await expect(setUp().authenticate({ apiKey: developmentKey })).rejects.toThrow(ServiceError)
  }
})

test('refuses to start with a development key that could be guessed or cannot be sent', () => {
  for (const developmentKey of [
    '',
    'short',
    'x'.repeat(15),
    'has spaces in between',
    'ümlaut-ümlaut-ümlaut',
  ]) {
    expect(() => setUp({ developmentKey })).toThrow(refusal('configuration_invalid'))
  }
})

/** A well-formed key with the id of another and a secret of its own. */
async function forge(id: string): Promise<string> {
  let draws = 0
  const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
  const newRandomBytes = (size: number) => {
    draws += 1
    if (draws === 1) return Uint8Array.from(id, (letter) => alphabet.indexOf(letter))
    return new Uint8Array(size).fill(7)
  }
  return mintApiKey({ mode: 'live', newRandomBytes }).key
}

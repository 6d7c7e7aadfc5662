import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createJwtVerifier, type JwtOptions } from '#shared/access/verify-jwt.ts'
import { newSigningKey, type SigningKey, sign, startOidcIssuer } from '#test/servers/oidc-issuer.ts'

const audience = 'https://percall.example'
const startMs = 1_795_392_000_000
const nowSeconds = startMs / 1_000

let key: SigningKey
let otherKey: SigningKey
let rsaKey: SigningKey
let issuer: Awaited<ReturnType<typeof startOidcIssuer>>

beforeAll(async () => {
  key = await newSigningKey('k1')
  otherKey = await newSigningKey('k2')
  rsaKey = await newSigningKey('rsa', 'RS256')
  issuer = await startOidcIssuer([key, rsaKey])
})
afterAll(() => issuer?.stop())

const claims = (changes: object = {}) => ({
  iss: issuer.url,
  aud: audience,
  sub: 'user-7',
  iat: nowSeconds - 60,
  exp: nowSeconds + 240,
  scope: 'openid predict models:read',
  ...changes,
})

function verifier(changes: Partial<JwtOptions> = {}) {
  const clock = { now: startMs }
  const now = () => clock.now
  return { clock, verify: createJwtVerifier({ issuer: issuer.url, audience, now, ...changes }) }
}

const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
const invalid = expect.objectContaining({ code: 'token_invalid', status: 401, detail: undefined })
const expired = expect.objectContaining({ code: 'token_expired', status: 401, detail: undefined })

describe('a good token', () => {
  test('becomes a caller with the scopes that this service knows', async () => {
    const { verify } = verifier()
    expect(await verify(await sign(claims(), key))).toStrictEqual({
      method: 'jwt',
      mode: 'live',
      tenant: 'user-7',
      subject: 'user-7',
      scopes: ['predict', 'models:read'],
    })
  })

  test('may be signed with any of the issuer’s keys', async () => {
    const { verify } = verifier()
    expect(await verify(await sign(claims(), rsaKey))).toMatchObject({ subject: 'user-7' })
  })

  test('names its tenant in the configured claim, and is refused without it', async () => {
    const { verify } = verifier({ tenantClaim: 'org_id' })
    expect(await verify(await sign(claims({ org_id: 'acme' }), key))).toMatchObject({
      tenant: 'acme',
      subject: 'user-7',
    })
    const nobody = await sign(claims({ org_id: 'acme', sub: undefined }), key)
    await expect(verify(nobody)).rejects.toEqual(invalid)
    for (const org_id of [undefined, '', 7, ['acme'], 'a#b', 'a/b', 'x'.repeat(129)]) {
      await expect(verify(await sign(claims({ org_id }), key))).rejects.toEqual(invalid)
    }
  })

  test('may list its scopes in scp, as a string or a list', async () => {
    const { verify } = verifier()
    for (const scp of ['predict admin', ['predict', 'admin', 7]]) {
      const token = await sign(claims({ scope: undefined, scp }), key)
      expect((await verify(token)).scopes).toEqual(['predict', 'admin'])
    }
    const { scopes } = await verify(await sign(claims({ scope: undefined }), key))
    expect(scopes).toEqual([])
  })

  test('may be off by the clock tolerance, and not by a second more', async () => {
    const { verify } = verifier({ clockToleranceSeconds: 30 })
    const late = (seconds: number) => sign(claims({ exp: nowSeconds - seconds }), key)
    expect(await verify(await late(29))).toMatchObject({ subject: 'user-7' })
    await expect(verify(await late(30))).rejects.toEqual(expired)
    const early = (seconds: number) => sign(claims({ nbf: nowSeconds + seconds }), key)
    expect(await verify(await early(30))).toMatchObject({ subject: 'user-7' })
    await expect(verify(await early(31))).rejects.toEqual(invalid)
  })
})

describe('a forged or stale token is refused', () => {
  const forgeries: Record<string, () => string | Promise<string>> = {
    'that says it needs no signature': () => `${encode({ alg: 'none' })}.${encode(claims())}.`,
    'that says so in capitals': () => `${encode({ alg: 'NONE', kid: 'k1' })}.${encode(claims())}.`,
    'whose signature was cut off': async () => (await sign(claims(), key)).replace(/[^.]+$/, ''),
    'signed by HMAC with the public key': () =>
      sign(claims(), { kid: 'rsa', alg: 'HS256', privateKey: Buffer.from(rsaKey.pem) }),
    'signed by HMAC with the public key as JWK': () =>
      sign(claims(), { alg: 'HS256', privateKey: Buffer.from(JSON.stringify(rsaKey.jwk)) }),
    'with a changed payload': async () => {
      const [header, , signature] = (await sign(claims(), key)).split('.')
      return `${header}.${encode(claims({ sub: 'admin' }))}.${signature}`
    },
    'with a changed header': async () => {
      const [, payload, signature] = (await sign(claims(), key)).split('.')
      return `${encode({ alg: 'ES256', kid: 'k1', extra: 1 })}.${payload}.${signature}`
    },
    'signed with another key under a known id': () => sign(claims(), { ...otherKey, kid: 'k1' }),
    'whose key id is a path': () => sign(claims(), { ...otherKey, kid: '../../dev/null' }),
    'whose key id is a property of objects': () =>
      sign(claims(), { ...otherKey, kid: '__proto__' }),
    'that brings its own key': async () => {
      const { privateKey, jwk } = otherKey
      const { CompactSign } = await import('jose')
      return new CompactSign(Buffer.from(JSON.stringify(claims())))
        .setProtectedHeader({ alg: 'ES256', jwk, jku: 'http://127.0.0.1:1/keys' })
        .sign(privateKey)
    },
    'with an algorithm that was not allowed': async () =>
      sign(claims(), await newSigningKey('k1', 'ES512')),
    'for another audience': () => sign(claims({ aud: 'https://other.example' }), key),
    'for no audience': () => sign(claims({ aud: undefined }), key),
    'of another issuer': () => sign(claims({ iss: 'https://evil.example' }), key),
    'of the issuer with a slash more': () => sign(claims({ iss: `${issuer.url}/` }), key),
    'of no issuer': () => sign(claims({ iss: undefined }), key),
    'not valid yet': () => sign(claims({ nbf: nowSeconds + 600 }), key),
    'issued in the future': () => sign(claims({ iat: nowSeconds + 600 }), key),
    'that never expires': () => sign(claims({ exp: undefined }), key),
    'whose expiry is no number': () =>
      sign(claims({ exp: '9999999999' as unknown as number }), key),
    'with no time of issue': () => sign(claims({ iat: undefined }), key),
    'with no subject': () => sign(claims({ sub: undefined }), key),
    'whose payload is a list': () => sign([claims()] as never, key),
    'with a critical extension nobody knows': async () => {
      const { CompactSign } = await import('jose')
      const header = { alg: 'ES256', kid: 'k1', crit: ['x'], x: 1 }
      return new CompactSign(Buffer.from(JSON.stringify(claims())))
        .setProtectedHeader(header)
        .sign(key.privateKey, { crit: { x: true } })
    },
    'that is not JSON': () => 'aaaa.bbbb.cccc',
    'that is empty': () => '..',
    'that is huge': () => sign(claims({ padding: 'x'.repeat(9_000) }), key),
  }
  for (const [name, forge] of Object.entries(forgeries)) {
    test(name, async () => {
      await expect(verifier().verify(await forge())).rejects.toEqual(invalid)
    })
  }

  const stale = {
    'past its expiry': { exp: nowSeconds - 31 },
    'issued too long ago, however late it expires': {
      iat: nowSeconds - 86_431,
      exp: nowSeconds + 1e9,
    },
  }
  for (const [name, changes] of Object.entries(stale)) {
    test(name, async () => {
      await expect(verifier().verify(await sign(claims(changes), key))).rejects.toEqual(expired)
    })
  }

  test('well signed with a key of the issuer, by an algorithm that is not pinned', async () => {
    const { verify } = verifier({ algorithms: ['RS256'] })
    expect(await verify(await sign(claims(), rsaKey))).toMatchObject({ subject: 'user-7' })
    await expect(verify(await sign(claims(), key))).rejects.toEqual(invalid)
  })

  test('and so is an algorithm without a public key in the configuration', () => {
    for (const algorithm of ['none', 'HS256']) {
      const refusal = expect.objectContaining({ code: 'configuration_invalid' })
      expect(() => verifier({ algorithms: [algorithm as 'ES256'] })).toThrow(refusal)
    }
  })
})

describe('the keys of the issuer', () => {
  test('are fetched once for many concurrent tokens, and again when they are old', async () => {
    const { clock, verify } = verifier({ maxAgeMs: 100_000 })
    const token = await sign(claims(), key)
    issuer.requests.length = 0
    await Promise.all(Array.from({ length: 10 }, () => verify(token)))
    clock.now += 99_999
    await verify(token)
    expect(issuer.requests).toEqual(['/.well-known/openid-configuration', '/keys'])
    clock.now += 1
    await verify(token)
    expect(issuer.requests).toHaveLength(4)
  })

  test('are fetched again for a key id that is new, so that the issuer can rotate', async () => {
    const { clock, verify } = verifier({ cooldownMs: 30_000 })
    await verify(await sign(claims(), key))
    issuer.keys = [otherKey, rsaKey]
    clock.now += 30_000
    expect(await verify(await sign(claims(), otherKey))).toMatchObject({ subject: 'user-7' })
    // And what was signed with the withdrawn key is worth nothing any more.
    await expect(verify(await sign(claims(), key))).rejects.toEqual(invalid)
    issuer.keys = [key, rsaKey]
  })

  test('are not fetched for each of a flood of unknown key ids', async () => {
    const { clock, verify } = verifier({ cooldownMs: 30_000 })
    await verify(await sign(claims(), key))
    issuer.requests.length = 0
    for (let forged = 0; forged < 20; forged += 1) {
      clock.now += 3_000
      const token = await sign(claims(), { ...otherKey, kid: `forged-${forged}` })
      await expect(verify(token)).rejects.toEqual(invalid)
    }
    // 60 seconds, one fetch of two requests each 30 seconds.
    expect(issuer.requests).toHaveLength(4)
  })

  test('serve on for a while when the issuer is down, and no longer', async () => {
    const { clock, verify } = verifier({ maxAgeMs: 60_000, maxStaleMs: 120_000, retryMs: 5_000 })
    const token = await sign(claims(), key)
    await verify(token)
    const { answer } = issuer
    issuer.answer = () => ({ status: 500, body: 'down' })
    issuer.requests.length = 0
    clock.now += 60_000
    expect(await verify(token)).toMatchObject({ subject: 'user-7' })
    expect(await verify(token)).toMatchObject({ subject: 'user-7' })
    expect(issuer.requests).toHaveLength(1)
    clock.now += 60_000
    const unavailable = { code: 'issuer_unavailable', status: 503, retryAfterSeconds: 5 }
    await expect(verify(token)).rejects.toMatchObject(unavailable)
    issuer.answer = answer
    clock.now += 5_000
    expect(await verify(token)).toMatchObject({ subject: 'user-7' })
  })

  type Answer = ReturnType<typeof issuer.answer>
  const discovery = (changes: object = {}): Answer => ({
    body: { issuer: issuer.url, jwks_uri: `${issuer.url}/keys`, ...changes },
  })
  const keySet = (changes: object = {}): Answer => ({ body: { keys: [key.jwk], ...changes } })
  // Each would be taken for good but for the one thing its name says.
  const misbehaviours: Record<string, (path: string) => Answer> = {
    'answers with an error': (path) => ({
      ...(path === '/keys' ? keySet() : discovery()),
      status: 500,
    }),
    'never finishes its answer': (path) => (path === '/keys' ? {} : discovery()),
    'sends too much': (path) =>
      path === '/keys' ? keySet({ padding: 'x'.repeat(262_144) }) : discovery(),
    'sends something that is not JSON': () => ({ body: '<html>' }),
    'redirects elsewhere': (path) => {
      if (path === '/keys') return keySet()
      return path === '/moved'
        ? discovery()
        : { status: 302, headers: { location: '/moved' }, body: '' }
    },
    'speaks for another issuer': (path) =>
      path === '/keys' ? keySet() : discovery({ issuer: 'https://evil.example' }),
    'names keys under another scheme': () =>
      discovery({ jwks_uri: `data:application/json,${JSON.stringify(keySet().body)}` }),
    'names no keys': () => discovery({ jwks_uri: undefined }),
    'sends no key set': (path) => (path === '/keys' ? keySet({ keys: 'none' }) : discovery()),
  }
  for (const [name, answer] of Object.entries(misbehaviours)) {
    test(`are unavailable, not wrong, where the issuer ${name}`, async () => {
      const { verify } = verifier({ timeoutMs: 200 })
      const honest = issuer.answer
      issuer.answer = answer
      try {
        const unavailable = { code: 'issuer_unavailable', status: 503, retryable: true }
        await expect(verify(await sign(claims(), key))).rejects.toMatchObject(unavailable)
      } finally {
        issuer.answer = honest
      }
    })
  }
})

import { describe, expect, it } from 'vitest'
import { createKeyManager } from '#shared/access/manage-keys.ts'
import { newSigningKey, sign } from '#test/servers/oidc-issuer.ts'
import { useHost } from './client.ts'
import type { StartHost } from './running-host.ts'

const iris = { inputs: [[5.1, 3.5, 1.4, 0.2]] }
const path = '/v1/models/iris/predict'

export function accessBehaviour(start: StartHost): void {
  describe('access', () => {
    const client = useHost(start)
    const withCredential = (authorization: string) => client.post(path, iris, { authorization })
    const managerAt = (now: () => number) =>
      createKeyManager({ keyStore: client.host.keyStore, pepper: client.host.pepper, now })
    const newKey = (now = Date.now, expiresInDays?: number, scopes = ['predict']) =>
      managerAt(now).create({ name: 'caller', scopes, mode: 'live', expiresInDays })

    it('asks for credentials, naming the way to send them', async () => {
      const { status, headers, json } = await withCredential('')
      expect([status, json]).toMatchObject([401, { code: 'credentials_missing' }])
      expect(headers['www-authenticate']).toContain('Bearer')
      expect(headers['content-type']).toBe('application/problem+json')
    })

    it('speaks the protocol of the route when it refuses', async () => {
      const { status, json } = await client.post('/v2/models/iris/infer', {}, { authorization: '' })
      expect([status, json]).toMatchObject([
        401,
        { error: expect.stringContaining('credentials_missing') },
      ])
    })

    it('takes a key in either header', async () => {
      const { key } = await newKey()
      expect((await withCredential(`Bearer ${key}`)).status).toBe(200)
      expect((await client.post(path, iris, { authorization: '', 'x-api-key': key })).status).toBe(
        200,
      )
    })

    it('refuses a malformed, an unknown, an expired and a revoked key, each in its words', async () => {
      const { key, summary } = await newKey()
      const old = await newKey(() => Date.now() - 3 * 86_400_000, 1)
      const flipped = `${key.slice(0, -1)}${key.endsWith('0') ? '1' : '0'}`
      await managerAt(Date.now).revoke(summary.id)
      const elsewhere = await createKeyManager({
        keyStore: { ...client.host.keyStore, put: async () => true },
        pepper: client.host.pepper,
      }).create({ name: 'elsewhere', scopes: ['predict'], mode: 'live' })
      for (const [credential, code] of [
        [flipped, 'api_key_malformed'],
        [elsewhere.key, 'api_key_unknown'],
        [old.key, 'api_key_expired'],
        [key, 'api_key_revoked'],
      ]) {
        const { status, json } = await withCredential(`Bearer ${credential}`)
        expect([status, json]).toMatchObject([401, { code }])
      }
    })

    it('refuses a key without the scope of the route', async () => {
      const { key } = await newKey(Date.now, undefined, ['models:read'])
      const { status, json } = await withCredential(`Bearer ${key}`)
      expect([status, json]).toMatchObject([403, { code: 'scope_missing' }])
    })

    it('takes a token of the issuer and refuses forged, expired and foreign ones', async () => {
      const seconds = Math.floor(Date.now() / 1_000)
      const claims = {
        iss: client.issuer.url,
        aud: 'percall',
        sub: 'alice',
        scope: 'predict',
        iat: seconds - 10,
        exp: seconds + 300,
      }
      const [issuerKey] = client.issuer.keys
      if (!issuerKey) throw new Error('The issuer has no key.')
      const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
      const confused = { alg: 'HS256', kid: issuerKey.kid, privateKey: Buffer.from(issuerKey.pem) }
      const good = await sign(claims, issuerKey)
      const [head, , signature] = good.split('.')
      expect((await withCredential(`Bearer ${good}`)).status).toBe(200)
      for (const [what, token, code] of [
        ['no algorithm', `${encode({ alg: 'none' })}.${encode(claims)}.`, 'token_invalid'],
        ['HMAC with the public key', await sign(claims, confused), 'token_invalid'],
        ['another key', await sign(claims, await newSigningKey('first')), 'token_invalid'],
        [
          'a changed claim',
          `${head}.${encode({ ...claims, scope: 'admin' })}.${signature}`,
          'token_invalid',
        ],
        ['another audience', await sign({ ...claims, aud: 'other' }, issuerKey), 'token_invalid'],
        [
          'another issuer',
          await sign({ ...claims, iss: 'https://other.example' }, issuerKey),
          'token_invalid',
        ],
        ['the past', await sign({ ...claims, exp: seconds - 120 }, issuerKey), 'token_expired'],
      ] as const) {
        const { status, json } = await withCredential(`Bearer ${token}`)
        expect([what, status, json]).toMatchObject([what, 401, { code }])
      }
    })
  })
}

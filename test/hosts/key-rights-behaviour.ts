import { beforeAll, describe, expect, it } from 'vitest'
import { parseApiKey } from '#shared/access/api-key.ts'
import type { NewKey } from '#shared/access/key-checks.ts'
import { createKeyManager } from '#shared/access/manage-keys.ts'
import { useHost } from './client.ts'
import { newTenant, type Tenant } from './new-tenant.ts'
import type { StartHost } from './running-host.ts'

const iris = { inputs: [[5.1, 3.5, 1.4, 0.2]] }
const predict = '/v1/models/iris/predict'
const dayMs = 86_400_000

/** Who may do what with which key, over HTTP alone. */
export function keyRightsBehaviour(start: StartHost): void {
  describe('rights on keys', () => {
    const client = useHost(start)
    let acme: Tenant
    let globex: Tenant
    beforeAll(async () => {
      acme = await newTenant(client)
      globex = await newTenant(client)
    })
    const scopes = ['predict', 'account:read', 'account:write']
    /** Somebody who manages keys with one that is itself less than everything. */
    const clerkWith = async (more: Partial<NewKey>) => {
      const tenant = await newTenant(client)
      const key = await tenant.keyOf(scopes, more)
      return { ...tenant, key, clerk: tenant.as(key), id: parseApiKey(key).id }
    }

    describe('of one who has them in part', () => {
      const rights = { project: 'web', models: ['iris'], allowed_ips: ['127.0.0.1', '203.0.113.7'] }
      const own = { name: 'mine', scopes: ['predict'], ...rights }
      const narrow = (more: Partial<NewKey> = {}) => {
        const allowedIps = ['127.0.0.0/8', '203.0.113.0/24']
        return clerkWith({ project: 'web', models: ['iris'], allowedIps, ...more })
      }

      it('are those within what he has', async () => {
        const { clerk, as } = await narrow()
        const made = await clerk('POST', '/v1/keys', own)
        expect(made.status, made.text).toBe(201)
        const { id, key } = made.members
        expect((await as(key)('POST', predict, iris)).status).toBe(200)
        const fewer = { limits: { daily_calls: 4 } }
        expect((await clerk('PATCH', `/v1/keys/${id}`, fewer)).status).toBe(200)
        expect((await clerk('POST', `/v1/keys/${id}/rotate`, {})).status).toBe(201)
        expect((await clerk('DELETE', `/v1/keys/${id}`)).status).toBe(200)
      })

      it.each<[string, object]>([
        ['more scopes', { scopes: ['predict', 'models:read'] }],
        ['another model', { models: ['iris', 'spam'] }],
        ['all models', { models: undefined }],
        ['another project', { project: 'shop' }],
        ['no project', { project: undefined }],
        ['more addresses', { allowed_ips: ['127.0.0.0/7'] }],
        ['all addresses', { allowed_ips: undefined }],
      ])('are not made with %s', async (_, more) => {
        const { clerk } = await narrow()
        const { status, members } = await clerk('POST', '/v1/keys', { ...own, ...more })
        expect([status, members.code]).toEqual([403, 'scope_missing'])
        expect((await clerk('GET', '/v1/keys')).members.data).toHaveLength(2)
      })

      it('are not changed or rotated beyond it, his own least of all', async () => {
        const { ask, clerk, id } = await narrow()
        const mine = (await clerk('POST', '/v1/keys', own)).members.id
        const wide = (await ask('POST', '/v1/keys', { ...own, models: undefined })).members.id
        for (const [method, path, body] of [
          ['PATCH', `/v1/keys/${id}`, { limits: null }],
          ['PATCH', `/v1/keys/${id}`, { allowed_ips: null }],
          ['PATCH', `/v1/keys/${mine}`, { models: null }],
          ['PATCH', `/v1/keys/${mine}`, { allowed_ips: null }],
          ['PATCH', `/v1/keys/${wide}`, { models: ['iris'] }],
          ['POST', `/v1/keys/${wide}/rotate`, {}],
        ] as const) {
          const { status, members } = await clerk(method, path, body)
          expect([path, body, status, members.code]).toEqual([path, body, 403, 'scope_missing'])
        }
        const { members } = await ask('GET', `/v1/keys/${mine}`)
        expect(members).toMatchObject({ models: ['iris'], allowed_ips: rights.allowed_ips })
      })

      it('are test keys where his own is one, and live keys are not his to touch', async () => {
        const { ask, clerk } = await narrow({ mode: 'test' })
        expect((await clerk('POST', '/v1/keys', own)).members.code).toBe('scope_missing')
        expect((await clerk('POST', '/v1/keys', { ...own, mode: 'test' })).status).toBe(201)
        const live = (await ask('POST', '/v1/keys', own)).members.id
        for (const [method, path] of [
          ['PATCH', ''],
          ['DELETE', ''],
          ['POST', '/rotate'],
        ] as const) {
          const body = method === 'DELETE' ? undefined : {}
          const { status, members } = await clerk(method, `/v1/keys/${live}${path}`, body)
          expect([method, status, members.code]).toEqual([method, 403, 'scope_missing'])
        }
      })
    })

    describe('of one who is limited', () => {
      it.each([
        { monthlySpend: 100n },
        { dailyCalls: 2 },
        { concurrency: 1 },
        { rate: { perMinute: 600, burst: 60 } },
      ])('by %o are none that would not count towards it', async (limits) => {
        const { ask, clerk } = await clerkWith({ limits })
        const other = (await ask('POST', '/v1/keys', { name: 'other' })).members.id
        for (const [method, path, body] of [
          ['POST', '/v1/keys', { name: 'mine', scopes: ['predict'], limits: { daily_calls: 1 } }],
          ['PATCH', `/v1/keys/${other}`, { limits: { daily_calls: 1 } }],
          ['POST', `/v1/keys/${other}/rotate`, {}],
        ] as const) {
          const { status, members } = await clerk(method, path, body)
          expect([path, status, members.code]).toEqual([path, 403, 'scope_missing'])
        }
        expect((await ask('GET', '/v1/keys')).members.data).toHaveLength(3)
      })

      it('are, by rotation, those of a key that goes on with what was used', async () => {
        const { clerk, as, id } = await clerkWith({ limits: { dailyCalls: 2 } })
        expect((await clerk('POST', predict, iris)).status).toBe(200)
        const rotated = await clerk('POST', `/v1/keys/${id}/rotate`, {})
        expect([rotated.status, rotated.members.counted_as]).toEqual([201, id])
        const next = as(rotated.members.key)
        expect((await next('POST', predict, iris)).status).toBe(200)
        for (const one of [clerk, next]) {
          const { status, members } = await one('POST', predict, iris)
          expect([status, members.code]).toEqual([429, 'quota_exceeded'])
        }
        const again = await next('POST', `/v1/keys/${rotated.members.id}/rotate`, {})
        expect((await as(again.members.key)('POST', predict, iris)).status).toBe(429)
      })
    })

    it('end with the key that expires: none that it makes or rotates outlives it', async () => {
      const { ask, clerk, id } = await clerkWith({ expiresInDays: 2 })
      const end = (await ask('GET', `/v1/keys/${id}`)).members.expires_at
      const longer = { name: 'longer', scopes: ['predict'], expires_in_days: 30 }
      const mine = await clerk('POST', '/v1/keys', longer)
      const lasting = await clerk('POST', '/v1/keys', { name: 'lasting', scopes: ['predict'] })
      const renewed = await clerk('POST', `/v1/keys/${id}/rotate`, {})
      const ends = [mine, lasting, renewed].map(({ members }) => members.expires_at)
      expect(ends).toEqual([end, end, end])
      const shorter = await clerk('POST', '/v1/keys', { ...longer, expires_in_days: 1 })
      const life = Date.parse(String(shorter.members.expires_at)) - Date.now()
      expect(life).toBeGreaterThan(dayMs - 60_000)
      expect(life).toBeLessThanOrEqual(dayMs)
    })

    it('are bound to addresses, which are shown, changed and taken away', async () => {
      const { ask, as } = await newTenant(client)
      const here = ['127.0.0.0/8', '203.0.113.0/24', '2001:db8::/32']
      const made = await ask('POST', '/v1/keys', { name: 'backend', allowed_ips: here })
      const { id, key } = made.members
      expect([made.status, made.members.allowed_ips]).toEqual([201, here])
      const call = () => as(key)('POST', predict, iris)
      expect((await call()).status).toBe(200)
      const elsewhere = ['198.51.100.0/24', '::1']
      const other = (await ask('POST', '/v1/keys', { name: 'there', allowed_ips: elsewhere }))
        .members
      const refused = await as(other.key)('POST', predict, iris)
      expect([refused.status, refused.members.code]).toEqual([403, 'address_not_allowed'])
      const v2 = await as(other.key)('GET', '/v2/models')
      expect([v2.status, v2.text]).toEqual([403, expect.stringContaining('address_not_allowed')])
      const changed = await ask('PATCH', `/v1/keys/${id}`, { allowed_ips: null })
      expect(changed.members.allowed_ips).toBeNull()
      for (const allowed_ips of [[], ['10.0.0.0/33'], ['example.org'], '::1', [1]]) {
        for (const [method, path, name] of [
          ['POST', '/v1/keys', { name: 'bad' }],
          ['PATCH', `/v1/keys/${id}`, {}],
        ] as const) {
          const { status, members } = await ask(method, path, { ...name, allowed_ips })
          expect([status, members.code]).toEqual([422, 'parameter_invalid'])
        }
      }
    })

    describe('of another tenant', () => {
      it('are those of an administrator who names it', async () => {
        const theirs = { tenant: globex.tenant, name: 'from the operator' }
        const made = await acme.ask('POST', '/v1/keys', theirs)
        expect(made.status, made.text).toBe(201)
        const { id, key } = made.members
        const path = `/v1/keys/${id}`
        const [query, tenant] = [`?tenant=${globex.tenant}`, globex.tenant]
        expect((await acme.ask('GET', path)).status).toBe(404)
        const shown = await acme.ask('GET', path + query)
        expect(shown.members).toEqual((await globex.ask('GET', path)).members)
        const listed = await acme.ask('GET', `/v1/keys${query}`)
        expect(listed.members).toEqual((await globex.ask('GET', '/v1/keys')).members)
        expect((await globex.as(key)('POST', predict, iris)).status).toBe(200)
        const changed = await acme.ask('PATCH', path, { tenant, limits: { daily_calls: 7 } })
        expect(changed.members).toMatchObject({ id, limits: { daily_calls: 7 } })
        const rotated = await acme.ask('POST', `${path}/rotate`, { tenant, overlap_seconds: 0 })
        expect([rotated.status, rotated.members.counted_as]).toEqual([201, id])
        const revoked = await acme.ask('DELETE', `/v1/keys/${rotated.members.id}${query}`)
        expect(revoked.members.revoked_at).toEqual(expect.any(String))
        const account = await acme.ask('GET', `/v1/account${query}`)
        expect(account.members).toEqual((await globex.ask('GET', '/v1/account')).members)
        const credits = await acme.ask('GET', `/v1/credits${query}`)
        expect(credits.members.data).toHaveLength(1)
      })

      it('are nobody else’s: what he names is answered as what does not exist', async () => {
        const clerk = acme.as(await acme.keyOf(scopes))
        const { id } = (await globex.ask('POST', '/v1/keys', { name: 'theirs' })).members
        const bodyOf = async (method: string, path: string, body?: unknown) => {
          const { status, members } = await clerk(method, path, body)
          const { request_id: _, ...rest } = members
          return [status, rest]
        }
        const [query, tenant] = [`?tenant=${globex.tenant}`, globex.tenant]
        for (const [method, path, body] of [
          ['GET', query, undefined],
          ['DELETE', query, undefined],
          ['PATCH', '', { tenant, limits: null }],
          ['POST', '/rotate', { tenant }],
        ] as const) {
          const named = await bodyOf(method, `/v1/keys/${id}${path}`, body)
          const missing = { ...body, tenant: undefined }
          const plain = path === query ? '' : path
          expect(named).toEqual(await bodyOf(method, `/v1/keys/AAAAAAAA${plain}`, body && missing))
          expect(named).toMatchObject([404, { code: 'key_not_found' }])
        }
        for (const path of ['/v1/keys', '/v1/account', '/v1/credits']) {
          const nobody = await bodyOf('GET', `${path}?tenant=nobody`)
          expect(await bodyOf('GET', path + query)).toEqual(nobody)
          expect(nobody).toMatchObject([404, { code: 'resource_not_found' }])
        }
        const made = await clerk('POST', '/v1/keys', { tenant, name: 'mine', scopes: ['predict'] })
        expect([made.status, made.members.code]).toEqual([403, 'scope_missing'])
        const named = { name: 'own', scopes: ['predict'], tenant: acme.tenant }
        expect((await clerk('POST', '/v1/keys', named)).status).toBe(201)
        expect((await clerk('GET', `/v1/keys?tenant=${acme.tenant}`)).status).toBe(200)
        expect((await globex.ask('GET', `/v1/keys/${id}`)).members.revoked_at).toBeNull()
      })
    })

    it('outlive a change of the pepper, as long as the old one is known', async () => {
      const { keyStore, pepper, oldPepper } = client.host
      const old = createKeyManager({ keyStore, pepper: oldPepper, tenant: acme.tenant })
      const made = await old.create({ name: 'old', scopes: [...scopes], mode: 'live' })
      const call = acme.as(made.key)
      expect((await call('POST', predict, iris)).status).toBe(200)
      const rotated = await call('POST', `/v1/keys/${made.summary.id}/rotate`, {})
      expect(rotated.members.pepper_id).not.toBe(made.summary.pepperId)
      const [{ key }, lost] = [rotated.members, `${pepper}, but another`]
      expect((await acme.as(key)('POST', predict, iris)).status).toBe(200)
      const forgotten = createKeyManager({ keyStore, pepper: lost, tenant: acme.tenant })
      const unknown = await forgotten.create({ name: 'lost', scopes: ['predict'], mode: 'live' })
      expect((await acme.as(unknown.key)('POST', predict, iris)).members.code).toBe(
        'api_key_unknown',
      )
    })
  })
}

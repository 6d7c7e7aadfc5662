import { beforeAll, describe, expect, it } from 'vitest'
import { useHost } from './client.ts'
import { newTenant, type Tenant } from './new-tenant.ts'
import type { StartHost } from './running-host.ts'

const iris = { inputs: [[5.1, 3.5, 1.4, 0.2]] }
const predict = '/v1/models/iris/predict'
const month = () => new Date().toISOString().slice(0, 7)
const json = { 'content-type': 'application/json' }

/** Keys and money of a tenant, over HTTP alone. */
export function accountBehaviour(start: StartHost): void {
  describe('the account', () => {
    const client = useHost(start)

    let acme: Tenant
    let globex: Tenant
    beforeAll(async () => {
      acme = await newTenant(client)
      globex = await newTenant(client)
    })

    describe('keys', () => {
      it('are made with limits, shown once, listed, changed and revoked', async () => {
        const { ask, as } = await newTenant(client)
        const made = await ask('POST', '/v1/keys', {
          name: 'shop',
          project: 'web',
          models: ['iris'],
          limits: { monthly_spend_micros: 1, daily_calls: 9, rate: { per_minute: 60, burst: 5 } },
        })
        const { key, id } = made.members
        expect([made.status, made.headers['cache-control']]).toEqual([201, 'no-store'])
        const list = await ask('GET', '/v1/keys')
        expect(list.text).not.toContain(key)
        expect(list.members.data.at(-1)).toMatchObject({
          id,
          project: 'web',
          models: ['iris'],
          last_four: key.slice(-4),
          limits: { monthly_spend_micros: 1, daily_calls: 9, concurrency: null },
        })
        const capped = await as(key)('POST', predict, iris)
        expect([capped.status, capped.members.code]).toEqual([402, 'spend_cap_reached'])
        const changed = await ask('PATCH', `/v1/keys/${id}`, { limits: null, models: null })
        expect(changed.members).toMatchObject({ models: null, limits: { daily_calls: null } })
        const revoked = await ask('DELETE', `/v1/keys/${id}`)
        expect([revoked.status, revoked.members.revoked_at]).toEqual([200, expect.any(String)])
        expect((await ask('GET', `/v1/keys/${id}`)).members).toEqual(revoked.members)
      })

      it('asked for twice under one Idempotency-Key are one key', async () => {
        const { ask } = await newTenant(client)
        const once = { 'idempotency-key': 'key-1' }
        const first = await ask('POST', '/v1/keys', { name: 'once' }, once)
        const again = await ask('POST', '/v1/keys', { name: 'once' }, once)
        expect(again.text).toBe(first.text)
        const other = await ask('POST', '/v1/keys', { name: 'other' }, once)
        expect([other.status, other.members.code]).toEqual([422, 'idempotency_key_reused'])
        const bad = await ask(
          'POST',
          '/v1/keys',
          { name: 'x' },
          { 'idempotency-key': 'x'.repeat(256) },
        )
        expect([bad.status, bad.members.code]).toEqual([400, 'idempotency_key_invalid'])
        expect((await ask('GET', '/v1/keys')).members.data).toHaveLength(2)
      })

      it('are rotated: the new one works at once, the old one until the overlap is over', async () => {
        const { ask, as } = await newTenant(client)
        const { key, id } = (await ask('POST', '/v1/keys', { name: 'old' })).members
        const rotated = await ask('POST', `/v1/keys/${id}/rotate`, { overlap_seconds: 3_600 })
        expect(rotated.status).toBe(201)
        for (const one of [key, rotated.members.key]) {
          expect((await as(one)('POST', predict, iris)).status).toBe(200)
        }
        const { expires_at: end } = (await ask('GET', `/v1/keys/${id}`)).members
        expect(Date.parse(end as string) - Date.now()).toBeGreaterThan(3_500_000)
        expect(Date.parse(end as string) - Date.now()).toBeLessThanOrEqual(3_600_000)
      })

      it('cannot be used to get more than one has', async () => {
        const clerk = acme.as(await acme.keyOf(['account:write', 'account:read']))
        const admin = (await acme.ask('POST', '/v1/keys', { name: 'chief', scopes: ['admin'] }))
          .members
        for (const [path, body] of [
          ['/v1/keys', { name: 'mine', scopes: ['predict', 'admin'] }],
          [`/v1/keys/${admin.id}/rotate`, {}],
          ['/v1/credits', { payment_id: 'gift', amount_micros: 1, currency: 'USD' }],
          ['/v1/refunds', { refund_id: 'gift', charge_id: 'x', amount_micros: 1 }],
        ] as const) {
          const { status, members } = await clerk('POST', path, body)
          expect([path, status, members.code]).toEqual([path, 403, 'scope_missing'])
        }
        for (const [method, body] of [
          ['PATCH', { limits: null }],
          ['DELETE', undefined],
        ] as const) {
          const { status, members } = await clerk(method, `/v1/keys/${admin.id}`, body)
          expect([method, status, members.code]).toEqual([method, 403, 'scope_missing'])
        }
        const reader = acme.as(await acme.keyOf(['account:read', 'predict']))
        expect((await reader('POST', '/v1/keys', { name: 'mine' })).status).toBe(403)
        expect((await acme.as(await acme.keyOf(['predict']))('GET', '/v1/usage')).status).toBe(403)
      })
    })

    describe('credit', () => {
      it('of one payment is added once, and of an altered one not at all', async () => {
        const { ask } = await newTenant(client, 0)
        const payment = { payment_id: 'p-1', amount_micros: 500, currency: 'USD' }
        const first = await ask('POST', '/v1/credits', payment)
        const again = await ask('POST', '/v1/credits', payment)
        expect([first.status, again.status, again.members.id]).toEqual([201, 201, first.members.id])
        expect(again.headers['idempotency-replayed']).toBe('true')
        const other = await ask('POST', '/v1/credits', { ...payment, amount_micros: 501 })
        expect([other.status, other.members.code]).toEqual([422, 'idempotency_key_reused'])
        expect((await ask('GET', '/v1/credits')).members).toMatchObject({
          available_micros: 500,
          data: [{ id: 'topup-p-1', amount_micros: 500, left_micros: 500, expires_at: null }],
        })
      })

      it.each<[string, string]>([
        ['a fraction', '1.5'],
        ['a fraction beyond what numbers hold', '10000000000000000.5'],
        ['nothing', '0'],
        ['less than nothing', '-1'],
        ['a word', '"ten"'],
        ['a sign in a string', '"+5"'],
        ['a negative string', '"-5"'],
        ['a string with a point', '"5.0"'],
        ['a string with spaces', '" 5"'],
        ['hexadecimal', '"0x10"'],
        ['null', 'null'],
        ['true', 'true'],
        ['a list', '[5]'],
        ['more than 64 bits', '9223372036854775808'],
        ['more than 64 bits as a string', '"9223372036854775808"'],
        ['an absurd power', '1e300'],
      ])('is refused where the amount is %s', async (_, amount) => {
        const before = (await acme.ask('GET', '/v1/credits')).text
        const body = `{"payment_id":"bad","currency":"USD","amount_micros":${amount}}`
        const { status, members } = await acme.ask('POST', '/v1/credits', body, json)
        expect([status, members.code]).toEqual([422, 'amount_invalid'])
        expect((await acme.ask('GET', '/v1/credits')).text).toBe(before)
      })

      it('is kept exactly, beyond what floating point holds', async () => {
        const { ask } = await newTenant(client, 0)
        const body = '{"payment_id":"big","currency":"USD","amount_micros":9007199254740993}'
        const { text } = await ask('POST', '/v1/credits', body, json)
        expect(text).toContain('"available_micros":9007199254740993')
        const full = '{"payment_id":"top","currency":"USD","amount_micros":9223372036854775807}'
        const { status, members } = await ask('POST', '/v1/credits', full, json)
        expect([status, members.code]).toEqual([422, 'amount_invalid'])
      })

      it('is refused in another currency, and with members that are not known', async () => {
        const payment = { payment_id: 'euros', amount_micros: 5, currency: 'EUR' }
        const euros = await acme.ask('POST', '/v1/credits', payment)
        expect([euros.status, euros.members.code]).toEqual([422, 'currency_mismatch'])
        for (const change of [{ currency: 'usd' }, { canary: 1 }, { payment_id: '' }]) {
          const bad = await acme.ask('POST', '/v1/credits', { ...payment, ...change })
          expect([bad.status, bad.members.code]).toEqual([422, 'parameter_invalid'])
          expect(bad.text).not.toContain('canary')
        }
      })

      it('comes back by a refund, once and never beyond the charge', async () => {
        const { ask } = await newTenant(client)
        await ask('POST', predict, iris)
        const [charge] = (await ask('GET', '/v1/ledger?type=charge')).members.data
        const refund = {
          refund_id: 'r-1',
          charge_id: charge?.id,
          amount_micros: charge?.amount_micros,
        }
        expect((await ask('POST', '/v1/refunds', refund)).status).toBe(201)
        expect((await ask('POST', '/v1/refunds', refund)).status).toBe(201)
        const more = await ask('POST', '/v1/refunds', { ...refund, refund_id: 'r-2' })
        expect([more.status, more.members.code]).toEqual([422, 'amount_invalid'])
        expect((await ask('GET', '/v1/credits')).members.available_micros).toBe(1_000_000)
        expect((await ask('GET', '/v1/costs')).members.total_micros).toBe(0)
      })
    })

    describe('what belongs to another tenant', () => {
      /** An answer without what differs for every request. */
      const bodyOf = async (tenant: Tenant, method: string, path: string, body?: unknown) => {
        const { status, members } = await tenant.ask(method, path, body)
        const { request_id: _, ...rest } = members
        return [status, rest]
      }

      it('is answered as what does not exist: key, charge and cursor', async () => {
        await globex.ask('POST', predict, iris)
        await globex.ask('POST', predict, iris)
        const theirKey = (await globex.ask('POST', '/v1/keys', { name: 'theirs' })).members.id
        const { data, next_cursor } = (await globex.ask('GET', '/v1/ledger?limit=1&type=charge'))
          .members
        expect(next_cursor).toEqual(expect.any(String))
        for (const [method, path, body] of [
          ['GET', '', undefined],
          ['PATCH', '', { limits: null }],
          ['DELETE', '', undefined],
          ['POST', '/rotate', {}],
        ] as const) {
          const theirs = await bodyOf(acme, method, `/v1/keys/${theirKey}${path}`, body)
          const missing = await bodyOf(acme, method, `/v1/keys/AAAAAAAA${path}`, body)
          expect(theirs).toEqual(missing)
          expect(theirs).toMatchObject([404, { code: 'key_not_found' }])
        }
        const refund = { refund_id: 'r', amount_micros: 1 }
        const theirs = await bodyOf(acme, 'POST', '/v1/refunds', {
          ...refund,
          charge_id: data[0]?.id,
        })
        expect(theirs).toEqual(
          await bodyOf(acme, 'POST', '/v1/refunds', { ...refund, charge_id: 'nothing' }),
        )
        expect(theirs).toMatchObject([404, { code: 'resource_not_found' }])
        for (const path of ['/v1/ledger', '/v1/ledger/export']) {
          expect(await bodyOf(acme, 'GET', `${path}?cursor=${next_cursor}`)).toMatchObject([
            404,
            { code: 'resource_not_found' },
          ])
          expect(await bodyOf(acme, 'GET', `${path}?cursor=nonsense`)).toMatchObject([
            400,
            { code: 'cursor_invalid' },
          ])
        }
        expect((await globex.ask('GET', `/v1/keys/${theirKey}`)).members.revoked_at).toBeNull()
      })

      it('is not in any report', async () => {
        const { ask } = await newTenant(client, 0)
        expect((await ask('GET', '/v1/ledger')).members).toEqual({ data: [], next_cursor: null })
        expect((await ask('GET', '/v1/usage')).members).toMatchObject({ data: [], total_calls: 0 })
        expect((await ask('GET', '/v1/invoices')).members).toEqual({ data: [] })
        for (const path of ['/v1/credits', '/v1/account', `/v1/invoices/${month()}`]) {
          expect((await ask('GET', path)).status).toBe(404)
        }
      })
    })

    it('says how it is metered, and refuses a single write where a cap has to be kept', async () => {
      const { ask } = await newTenant(client, 0)
      const put = (more: object) =>
        ask('PUT', '/v1/account', { currency: 'USD', mode: 'postpaid', ...more })
      expect((await put({})).members.metering).toBe('strict')
      expect((await put({ metering: 'single-write' })).members.metering).toBe('single-write')
      expect((await put({})).members.metering).toBe('single-write')
      for (const bad of [
        { limits: { monthly_spend_micros: 1 } },
        { mode: 'prepaid' },
        { metering: 'none' },
      ]) {
        expect((await put(bad)).members.code).toBe('parameter_invalid')
      }
      expect((await ask('GET', '/v1/account')).members.metering).toBe('single-write')
      expect((await put({ mode: 'prepaid', metering: 'leased' })).status).toBe(200)
    })

    it('is spread over as many shards as it was told to, until it is told otherwise', async () => {
      const { ask } = await newTenant(client, 1_000)
      const settings = { currency: 'USD', mode: 'prepaid' }
      const put = async (more: object) =>
        (await ask('PUT', '/v1/account', { ...settings, ...more })).members.shards
      expect((await ask('GET', '/v1/account')).members.shards).toBe(1)
      expect(await put({ shards: 4 })).toBe(4)
      expect(await put({ limits: { daily_calls: 5 } })).toBe(4)
      const { members } = await ask('GET', '/v1/account')
      expect([members.shards, members.available_micros]).toEqual([4, 1_000])
      expect(await put({ shards: 2 })).toBe(2)
      for (const shards of [0, 65, 1.5, '2', null]) {
        const bad = await ask('PUT', '/v1/account', { ...settings, shards })
        expect([bad.status, bad.members.code], `${shards}`).toEqual([422, 'parameter_invalid'])
      }
    })

    it('says whether it is trusted, which stays until it is said otherwise', async () => {
      const { ask } = await newTenant(client, 0)
      const settings = { currency: 'USD', mode: 'postpaid' }
      const put = async (more: object) =>
        (await ask('PUT', '/v1/account', { ...settings, ...more })).members.trusted
      expect(await put({})).toBe(false)
      expect(await put({ trusted: true })).toBe(true)
      expect(await put({ limits: { daily_calls: 5 } })).toBe(true)
      expect((await ask('GET', '/v1/account')).members.trusted).toBe(true)
      expect(await put({ trusted: false })).toBe(false)
      const bad = await ask('PUT', '/v1/account', { ...settings, trusted: 'yes' })
      expect([bad.status, bad.members.code]).toEqual([422, 'parameter_invalid'])
    })

    it('opened by several at the same time is in one currency, and loses no payment', async () => {
      const { ask } = await newTenant(client, 0)
      const currencies = ['USD', 'EUR', 'USD', 'GBP', 'EUR', 'USD']
      const answers = await Promise.all(
        currencies.map((currency, at) =>
          at % 2 === 0
            ? ask('PUT', '/v1/account', { currency, mode: 'prepaid' })
            : ask('POST', '/v1/credits', { payment_id: `p-${at}`, amount_micros: 5, currency }),
        ),
      )
      const { currency, available_micros } = (await ask('GET', '/v1/account')).members
      for (const [at, { status, members }] of answers.entries()) {
        if (currencies[at] === currency) expect([200, 201]).toContain(status)
        else expect([status, members.code]).toEqual([422, 'currency_mismatch'])
      }
      const paid = answers.filter(({ status }) => status === 201).length
      expect(available_micros).toBe(5 * paid)
    })

    it('is opened and limited by administrators only, in one currency', async () => {
      const { ask, as, keyOf, tenant } = await newTenant(client, 0)
      const settings = { currency: 'USD', mode: 'postpaid', limits: { monthly_spend_micros: 1 } }
      const opened = await ask('PUT', '/v1/account', settings)
      expect(opened.members).toMatchObject({ tenant, mode: 'postpaid', available_micros: 0 })
      const capped = await ask('POST', predict, iris)
      expect([capped.status, capped.members.code]).toEqual([402, 'spend_cap_reached'])
      const euros = await ask('PUT', '/v1/account', { ...settings, currency: 'EUR' })
      expect([euros.status, euros.members.code]).toEqual([422, 'currency_mismatch'])
      const clerk = as(await keyOf(['account:write', 'account:read']))
      expect((await clerk('PUT', '/v1/account', settings)).status).toBe(403)
      expect((await clerk('GET', '/v1/account')).members).toEqual(opened.members)
    })
  })
}

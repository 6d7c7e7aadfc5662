import { parquetReadObjects } from 'hyparquet'
import { beforeAll, describe, expect, it } from 'vitest'
import { csv } from '#shared/account/csv.ts'
import { verifyInvoice } from '#shared/account/verify-invoice.ts'
import { useHost } from './client.ts'
import { newTenant, type Tenant } from './new-tenant.ts'
import type { StartHost } from './running-host.ts'

const iris = { inputs: [[5.1, 3.5, 1.4, 0.2]] }
const predict = '/v1/models/iris/predict'
const month = () => new Date().toISOString().slice(0, 7)

/** Calls that are paid for, what they cost, and the reports on them. */
export function paidCallBehaviour(start: StartHost): void {
  describe('pay per call', () => {
    const client = useHost(start)
    let acme: Tenant
    beforeAll(async () => {
      acme = await newTenant(client)
    })

    describe('paid calls', () => {
      it('tell what they cost and what is left, and stand in the ledger', async () => {
        const { ask } = await newTenant(client)
        const before = Number((await ask('GET', '/v1/credits')).members.available_micros)
        const estimate = await ask('POST', '/v1/estimate', { model: 'iris', ...iris })
        const same = await ask('POST', '/v1/estimate?model=iris', iris)
        expect(same.members.amount_micros).toBe(estimate.members.amount_micros)
        const called = await ask('POST', predict, iris)
        const cost = Number(called.headers['x-cost-units'])
        expect([called.status, cost > 0]).toEqual([200, true])
        expect(called.headers).toMatchObject({
          'x-balance-remaining': String(before - cost),
          'x-request-id': expect.any(String),
          'server-timing': expect.stringContaining('total'),
        })
        expect(estimate.members).toMatchObject({
          model: 'iris@1',
          currency: 'USD',
          amount_micros: cost,
          list_amount_micros: cost,
        })
        const ledger = await ask('GET', '/v1/ledger?type=charge')
        expect(ledger.members).toMatchObject({
          data: [{ type: 'charge', amount_micros: cost, currency: 'USD', model: 'iris@1' }],
          next_cursor: null,
        })
        expect((await ask('GET', '/v1/credits')).members).toMatchObject({
          available_micros: before - cost,
          held_micros: 0,
          spent_micros: cost,
        })
      })

      it('with an Idempotency-Key are charged once, and answered with the same bytes', async () => {
        const { ask } = await newTenant(client)
        const once = { 'idempotency-key': 'order-1' }
        const first = await ask('POST', predict, iris, once)
        const again = await ask('POST', predict, iris, once)
        expect([again.status, again.text]).toEqual([200, first.text])
        expect(again.headers['idempotency-replayed']).toBe('true')
        const other = await ask('POST', predict, { inputs: [[1, 2, 3, 4]] }, once)
        expect([other.status, other.members.code]).toEqual([422, 'idempotency_key_reused'])
        expect((await ask('GET', '/v1/ledger?type=charge')).members.data).toHaveLength(1)
      })

      it('of test keys are estimated at what they are charged: nothing', async () => {
        const test = acme.as(await acme.keyOf(['predict', 'models:read'], { mode: 'test' }))
        const estimate = await test('POST', '/v1/estimate', { model: 'iris', ...iris })
        const called = await test('POST', predict, iris)
        expect(called.headers['x-cost-units']).toBe('0')
        expect(estimate.members.amount_micros).toBe(0)
        expect(Number(estimate.members.list_amount_micros)).toBeGreaterThan(0)
      })

      it('are refused where the credit does not cover them, and cost nothing', async () => {
        const { ask } = await newTenant(client, 1)
        const { status, members } = await ask('POST', predict, iris)
        expect([status, members.code]).toEqual([402, 'credit_exhausted'])
        expect((await ask('GET', '/v1/credits')).members.available_micros).toBe(1)
      })

      it('of a model that is not on the list of the key are refused', async () => {
        const call = acme.as(await acme.keyOf(['predict', 'models:read'], { models: ['spam'] }))
        const refused = await call('POST', predict, iris)
        expect([refused.status, refused.members.code]).toEqual([403, 'model_not_allowed'])
        const v2 = await call('GET', '/v2/models/iris')
        expect([v2.status, v2.text]).toEqual([403, expect.stringContaining('model_not_allowed')])
        expect((await call('POST', '/v1/models/spam/predict', { inputs: 'hi' })).status).toBe(200)
      })
    })

    describe('reports', () => {
      it('agree: usage, costs, ledger and invoice are the same sum', async () => {
        const { ask } = await newTenant(client)
        for (let calls = 0; calls < 3; calls += 1) await ask('POST', predict, iris)
        await ask('POST', predict, { inputs: 'no flower' })
        const usage = (await ask('GET', '/v1/usage?group_by=model,status&bucket=1d')).members
        const charged = usage.data.find(({ status }) => status === 'charged')
        expect(charged).toMatchObject({ model: 'iris@1', calls: 3 })
        const costs = (await ask('GET', '/v1/costs')).members
        const charges = (await ask('GET', '/v1/ledger?type=charge')).members.data
        const invoice = (await ask('GET', `/v1/invoices/${month()}`)).members
        const sum = charges.reduce((total, { amount_micros }) => total + amount_micros, 0)
        expect(sum).toBeGreaterThan(0)
        for (const total of [
          charged?.amount_micros,
          usage.total_micros,
          costs.total_micros,
          invoice.due_micros,
        ]) {
          expect(total).toBe(sum)
        }
      })

      it('come in pages that miss nothing and repeat nothing', async () => {
        const { ask } = await newTenant(client)
        for (let calls = 0; calls < 4; calls += 1) await ask('POST', predict, iris)
        const all = (await ask('GET', '/v1/ledger')).members.data.map(({ id }) => id)
        const seen: string[] = []
        let cursor: string | null = ''
        while (cursor !== null) {
          const page = await ask('GET', `/v1/ledger?limit=2${cursor && `&cursor=${cursor}`}`)
          seen.push(...page.members.data.map(({ id }) => id))
          cursor = page.members.next_cursor
        }
        expect([all.length, seen]).toEqual([5, all])
        const exported = await ask('GET', '/v1/ledger/export?format=csv')
        expect(exported.headers['content-type']).toContain('text/csv')
        const [titles = [], ...records] = csv.parse(exported.text) ?? []
        expect(records.map((record) => record[titles.indexOf('id')])).toEqual(all)
        const lines = (await ask('GET', '/v1/ledger/export?format=jsonl')).text.trim().split('\n')
        expect(lines.map((line) => JSON.parse(line).id)).toEqual(all)
        const accept = 'application/vnd.apache.parquet'
        const parquet = await ask('GET', '/v1/ledger/export', undefined, { accept })
        expect(parquet.headers['content-type']).toBe(accept)
        const file = new Uint8Array(parquet.body).buffer
        expect((await parquetReadObjects({ file })).map(({ id }) => id)).toEqual(all)
      })

      it('have an invoice that verifies by itself, and does not with one byte changed', async () => {
        await acme.ask('POST', predict, iris)
        const path = `/v1/invoices/${month()}`
        const asCsv = await acme.ask('GET', path, undefined, { accept: 'text/csv' })
        const asJson = await acme.ask('GET', `${path}?format=json`)
        const heads = [asCsv, asJson].map(({ text }) => {
          const verified = verifyInvoice(text)
          return verified.ok && verified.invoice.head
        })
        expect(heads).toEqual([asJson.members.head, asJson.members.head])
        for (const { text } of [asCsv, asJson]) {
          const bytes = Buffer.from(text)
          const at = Math.floor(bytes.length / 2)
          bytes.writeUInt8((bytes[at] ?? 0) ^ 1, at)
          expect(verifyInvoice(bytes.toString()).ok).toBe(false)
        }
        const html = await acme.ask('GET', path, undefined, { accept: 'text/html,*/*' })
        expect(html.headers['content-type']).toContain('text/html')
        expect(html.text).toContain(String(asJson.members.head))
        expect((await acme.ask('GET', '/v1/invoices')).members.data).toMatchObject([
          { month: month(), closed: false },
        ])
        for (const impossible of ['2026-13', '2026-00', '2026-1', 'x']) {
          const { status, members } = await acme.ask('GET', `/v1/invoices/${impossible}`)
          expect([impossible, status, members.code]).toEqual([impossible, 422, 'input_invalid'])
        }
        const later = await acme.ask('GET', '/v1/invoices/2999-01')
        expect([later.status, later.members.code]).toEqual([404, 'resource_not_found'])
      })

      it('tell of a cap that is nearly used', async () => {
        const { ask, as } = await newTenant(client)
        const { key, id } = (
          await ask('POST', '/v1/keys', { name: 'few', limits: { daily_calls: 2 } })
        ).members
        await as(key)('POST', predict, iris)
        expect((await ask('GET', '/v1/usage')).members.alerts).toMatchObject([
          { scope: 'key', id, kind: 'calls', used: 1, limit: 2, level: 50 },
        ])
        await as(key)('POST', predict, iris)
        const third = await as(key)('POST', predict, iris)
        expect([third.status, third.members.code]).toEqual([429, 'quota_exceeded'])
      })

      it.each([
        '/v1/usage?bucket=1s',
        '/v1/usage?group_by=colour',
        '/v1/usage?from=yesterday',
        '/v1/usage?from=2026-02-01&to=2026-01-01',
        '/v1/usage?bucket=1m&from=2020-01-01&to=2026-01-01',
        '/v1/ledger?limit=0',
        '/v1/ledger?limit=1001',
        '/v1/ledger?limit=1e2',
        '/v1/ledger?type=gift',
        '/v1/ledger?page=2',
        '/v1/ledger/export?format=xml',
        '/v1/invoices/2026-11?format=pdf',
        '/v1/price',
      ])('are refused for %s', async (path) => {
        const { status, members } = await acme.ask('GET', path)
        expect([status, members.code]).toEqual([422, 'parameter_invalid'])
      })
    })

    describe('prices', () => {
      it('are told for a model, and its estimate is made of them', async () => {
        const price = (await acme.ask('GET', '/v1/price?model=iris')).members
        expect(price).toMatchObject({ model: 'iris@1', currency: 'USD', rates: expect.any(Object) })
        const units = { calls: 3, rows: 10, compute_ms: 5 }
        const estimate = await acme.ask('POST', '/v1/estimate', { model: 'iris@stable', units })
        expect(estimate.members).toMatchObject({ price_id: price.price_id, units })
      })

      it.each<[object, number, string]>([
        [{ model: 'nope', ...iris }, 404, 'model_not_found'],
        [{ model: 'iris@9', ...iris }, 404, 'version_not_found'],
        [{ model: 'iris' }, 422, 'parameter_invalid'],
        [{ model: 'iris', ...iris, units: {} }, 422, 'parameter_invalid'],
        [{ model: 'iris', units: { rows: -1 } }, 422, 'parameter_invalid'],
        [{ model: 'iris', units: { rows: 1.5 } }, 422, 'parameter_invalid'],
        [{ model: 'iris', units: { gold: 1 } }, 422, 'parameter_invalid'],
      ])('of %j are refused', async (body, status, code) => {
        const answer = await acme.ask('POST', '/v1/estimate', body)
        expect([answer.status, answer.members.code]).toEqual([status, code])
      })
    })
  })
}

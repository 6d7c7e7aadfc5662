import { describe, expect, it } from 'vitest'
import { createKeyManager } from '#shared/access/manage-keys.ts'
import { auditLedger } from '#test/metering/audit.ts'
import { day, fresh, newAnswer, releaseOf, settlementOf } from '#test/metering/ledger-samples.ts'
import { useHost } from './client.ts'
import { newPayer, type PayerOptions } from './payer.ts'
import type { StartHost } from './running-host.ts'

const other = { inputs: [[6.7, 3.1, 5.6, 2.4]] }
const wrong = { inputs: [[5.1, 3.5]] }
const keyed = (key: string) => ({ 'idempotency-key': key })

/** What a call costs, and that it costs it once. A call of iris is 100 micros. */
export function meteringBehaviour(start: StartHost): void {
  describe('metering', () => {
    // The file of spam is missing, so its calls fail.
    const client = useHost(start, { unpublished: 'spam' })
    const payer = (options: PayerOptions = {}) => newPayer(client, { mode: 'postpaid', ...options })

    it('tells with every answer what it cost, what is left, its id and its time', async () => {
      const alice = await payer({ mode: 'prepaid', credit: 1_000n })
      const { status, headers } = await alice.call()
      expect([status, headers]).toMatchObject([
        200,
        {
          'x-cost-units': '100',
          'x-balance-remaining': '900',
          'x-request-id': expect.any(String),
          'server-timing': expect.stringMatching(/^total;dur=\d/),
        },
      ])
      expect(await alice.balance()).toEqual([900n, 0n, 100n])
    })

    it('charges a postpaid caller by the same price, and tensors like plain calls', async () => {
      const alice = await payer()
      const features = { name: 'features', datatype: 'FP32', shape: [1, 4], data: [5, 3, 1, 0] }
      const answers = [
        await alice.call(),
        await alice.call({}, { inputs: [features] }, '/v2/models/iris/infer'),
      ]
      for (const { status, headers } of answers) {
        expect([status, headers['x-cost-units']]).toEqual([200, '100'])
        expect(headers).not.toHaveProperty('x-balance-remaining')
      }
      expect(await alice.balance()).toEqual([0n, 0n, 200n])
    })

    it('sells two equal calls without a key twice', async () => {
      const alice = await payer()
      await alice.call()
      await alice.call()
      expect(await alice.charges()).toEqual([100n, 100n])
    })

    it('repeats an answer byte for byte under its key, and charges once', async () => {
      const alice = await payer({ mode: 'prepaid', credit: 150n })
      const first = await alice.call(keyed('order 1'))
      const again = await alice.call(keyed('order 1'))
      expect(first.headers).not.toHaveProperty('idempotency-replayed')
      expect([again.status, again.headers]).toMatchObject([
        200,
        { 'idempotency-replayed': 'true', 'x-cost-units': '100', 'x-balance-remaining': '50' },
      ])
      expect(again.headers['content-type']).toBe(first.headers['content-type'])
      expect(again.body).toEqual(first.body)
      expect(await alice.charges()).toEqual([100n])
    })

    it('charges once when one key comes many times at once', async () => {
      const alice = await payer()
      const answers = await Promise.all([1, 2, 3, 4].map(() => alice.call(keyed('order 2'))))
      const sold = answers.filter(({ status }) => status === 200)
      expect(answers.every(({ status }) => status === 200 || status === 409)).toBe(true)
      expect(new Set(sold.map(({ body }) => Buffer.from(body).toString())).size).toBe(1)
      expect(await alice.charges()).toEqual([100n])
    })

    it('refuses a key under which something else was asked, and a malformed one', async () => {
      const alice = await payer()
      await alice.call(keyed('order 3'))
      const reused = await alice.call(keyed('order 3'), other)
      expect([reused.status, reused.json]).toMatchObject([422, { code: 'idempotency_key_reused' }])
      for (const key of ['x'.repeat(256), 'tab\there']) {
        const { status, json } = await alice.call(keyed(key))
        expect([status, json]).toMatchObject([400, { code: 'idempotency_key_invalid' }])
      }
      expect(await alice.charges()).toEqual([100n])
    })

    it('tells to wait while the same request runs, then gives its answer', async () => {
      const alice = await payer()
      const running = alice.reservation('order 4')
      await client.host.ledger.reserve(running)
      const early = await alice.call(keyed('order 4'))
      expect([early.status, early.json]).toMatchObject([409, { code: 'request_in_flight' }])
      expect(Number(early.headers['retry-after'])).toBeGreaterThan(0)
      const now = Date.now()
      const answer = newAnswer({ body: Buffer.from('{"first":true}'), expiresAt: now + 2 * day })
      await client.host.ledger.settle(settlementOf(running, { charge: 100n, answer, now }))
      const late = await alice.call(keyed('order 4'))
      expect([late.status, late.json]).toEqual([200, { first: true }])
      expect(await alice.charges()).toEqual([100n])
    })

    it('takes over from an attempt that died, without a second hold', async () => {
      const alice = await payer({ mode: 'prepaid', credit: 100n })
      const leaseUntil = Date.now() - 1
      await client.host.ledger.reserve(alice.reservation('order 5', { leaseUntil }))
      const { status, headers } = await alice.call(keyed('order 5'))
      expect([status, headers['x-balance-remaining']]).toEqual([200, '0'])
      expect(await alice.balance()).toEqual([0n, 0n, 100n])
    })

    it('never sells a charged key again, also when its answer has expired', async () => {
      const alice = await payer()
      const now = Date.now() - 24.5 * 60 * 60 * 1_000
      const old = alice.reservation('order 6', { now, leaseUntil: now + 10_000 })
      await client.host.ledger.reserve(old)
      const answer = newAnswer({ expiresAt: now + day })
      await client.host.ledger.settle(settlementOf(old, { charge: 100n, answer, now }))
      const { status, json } = await alice.call(keyed('order 6'))
      expect([status, json]).toMatchObject([410, { code: 'answer_expired' }])
      expect(await alice.charges()).toEqual([100n])
    })

    it('charges nothing for a mistake of the caller, and repeats it identically', async () => {
      const alice = await payer({ mode: 'prepaid', credit: 100n })
      const first = await alice.call(keyed('mistake'), wrong)
      const again = await alice.call(keyed('mistake'), wrong)
      expect([first.status, first.headers]).toMatchObject([422, { 'x-cost-units': '0' }])
      expect([again.status, again.body]).toEqual([422, first.body])
      expect(again.headers).toMatchObject({ 'idempotency-replayed': 'true', 'x-cost-units': '0' })
      expect((await alice.call(keyed('mistake'))).status).toBe(422)
      expect(await alice.balance()).toEqual([100n, 0n, 0n])
    })

    it('charges nothing where the model fails, and lets the key be used again', async () => {
      const alice = await payer({ mode: 'prepaid', credit: 10_000n })
      const to = '/v1/models/spam/predict'
      for (const _ of ['first', 'again']) {
        const failed = await alice.call(keyed('order 7'), { inputs: 'Win money now' }, to)
        expect([failed.status, failed.json]).toMatchObject([502, { code: 'artifact_not_found' }])
        expect(failed.headers).toMatchObject({ 'x-cost-units': '0' })
      }
      expect(await alice.balance()).toEqual([10_000n, 0n, 0n])
    })

    it('keeps the keys of two tenants apart', async () => {
      const alice = await payer({ mode: 'prepaid', credit: 100n })
      const bob = await payer({ mode: 'prepaid', credit: 100n })
      await alice.call(keyed('the same'))
      const answer = await bob.call(keyed('the same'), other)
      expect(answer.status).toBe(200)
      expect(answer.headers).not.toHaveProperty('idempotency-replayed')
      expect([await alice.balance(), await bob.balance()]).toEqual([
        [0n, 0n, 100n],
        [0n, 0n, 100n],
      ])
    })

    it('stops at the last micro of a credit, and answers what was paid before', async () => {
      const alice = await payer({ mode: 'prepaid', credit: 199n })
      await alice.call(keyed('paid'))
      const { status, json, headers } = await alice.call()
      expect([status, json]).toMatchObject([402, { code: 'credit_exhausted' }])
      expect(headers).toMatchObject({ 'x-cost-units': '0', 'x-should-retry': 'false' })
      expect((await alice.call(keyed('paid'))).status).toBe(200)
      expect(await alice.balance()).toEqual([99n, 0n, 100n])
    })

    it('refuses who has no account, or one in another currency', async () => {
      const { keyStore, pepper } = client.host
      const nobody = createKeyManager({ keyStore, pepper, tenant: fresh('nobody') })
      const { key } = await nobody.create({ name: 'key', scopes: ['predict'], mode: 'live' })
      const alice = await payer({ currency: 'EUR' })
      for (const [answer, expected] of [
        [await alice.call({ authorization: `Bearer ${key}` }), [402, 'account_missing']],
        [await alice.call(), [422, 'currency_mismatch']],
      ] as const) {
        expect([answer.status, (answer.json as { code: string }).code]).toEqual(expected)
      }
    })

    it('takes nothing for calls with a test key', async () => {
      const alice = await payer({ mode: 'prepaid', credit: 50n })
      const { key } = await alice.newKey({ mode: 'test' })
      const { status, headers } = await alice.call({ authorization: `Bearer ${key}` })
      expect([status, headers['x-cost-units']]).toEqual([200, '0'])
      expect((await alice.call()).status).toBe(402)
      expect(await alice.balance()).toEqual([50n, 0n, 0n])
    })

    it('bills the automatic retry of an official client once, without a key', async () => {
      const alice = await payer()
      const counted = (count: number) => ({ 'x-stainless-retry-count': `${count}` })
      const first = await alice.call(counted(0))
      const retry = await alice.call(counted(1))
      expect([retry.body, retry.headers['idempotency-replayed']]).toEqual([first.body, 'true'])
      expect(await alice.charges()).toEqual([100n])
      await alice.call(counted(0))
      await alice.call(counted(1), other)
      expect(await alice.charges()).toEqual([100n, 100n, 100n])
    })

    it('leaves books in which an audit finds nothing wrong', async () => {
      const alice = await payer()
      const held = alice.reservation('never answered')
      await client.host.ledger.reserve(held)
      await client.host.ledger.release(releaseOf(held, { now: Date.now() }))
      expect(await auditLedger(client.host.ledger, { now: Date.now(), atRest: true })).toEqual([])
    })
  })
}

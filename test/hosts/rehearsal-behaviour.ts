import { beforeAll, describe, expect, it } from 'vitest'
import { releaseOf } from '#test/metering/ledger-samples.ts'
import { type Answer, useHost } from './client.ts'
import { newPayer, type Payer } from './payer.ts'
import type { StartHost } from './running-host.ts'

const asking = (status: string, more: Record<string, string> = {}) => ({
  'x-percall-test': status,
  ...more,
})

/** Test keys may ask for a refusal or a failure, to see what their own program makes of it. */
export function rehearsalBehaviour(start: StartHost): void {
  describe('a rehearsal', () => {
    const client = useHost(start)
    let alice: Payer
    beforeAll(async () => {
      alice = await newPayer(client, { credit: 1_000n, key: { mode: 'test' } })
    })

    /** What does not differ from one call to the next. */
    const shapeOf = ({ status, headers, json }: Answer) => {
      const { request_id: _, ...body } = Object(json)
      const changing = ['date', 'server-timing', 'x-request-id', 'content-length']
      const lasting = Object.entries(headers).filter(([name]) => !changing.includes(name))
      return { status, body, headers: Object.fromEntries(lasting) }
    }

    it('of 402 is answered as a call without credit', async () => {
      const poor = await newPayer(client)
      const real = shapeOf(await poor.call())
      expect(real.body).toMatchObject({ code: 'credit_exhausted' })
      expect(shapeOf(await alice.call(asking('402')))).toEqual(real)
    })

    it('of 409 is answered as a call that is being worked on', async () => {
      const bob = await newPayer(client, { credit: 1_000n })
      const until = { leaseUntil: Date.now() + 900 }
      const running = bob.reservation('runs', until)
      await client.host.ledger.reserve(running)
      const real = shapeOf(await bob.call({ 'idempotency-key': 'runs' }))
      await client.host.ledger.release(releaseOf(running, { now: Date.now() }))
      expect([real.body.code, real.headers['retry-after']]).toEqual(['request_in_flight', '1'])
      expect(shapeOf(await alice.call(asking('409')))).toEqual(real)
    })

    it('of 429 is answered as a call that comes too fast', async () => {
      const rate = { perMinute: 60, burst: 1 }
      const fast = await newPayer(client, { mode: 'postpaid', key: { limits: { rate } } })
      // While a model is loaded, a second may pass, and with it the limit.
      await alice.call()
      await fast.call()
      const real = shapeOf(await fast.call())
      expect(real.headers).toMatchObject({
        'retry-after': '1',
        ratelimit: '"key";r=0;t=1',
        'x-should-retry': 'true',
      })
      expect(shapeOf(await alice.call(asking('429')))).toEqual(real)
    })

    it('of 500 fails after the reservation, gives it back and can be retried', async () => {
      const once = { 'idempotency-key': 'order-1' }
      const failed = await alice.call(asking('500', once))
      expect(failed).toMatchObject({
        status: 500,
        json: { code: 'internal', retryable: true },
        headers: { 'x-should-retry': 'true', 'x-cost-units': '0' },
      })
      const { entries } = await client.host.ledger.entries({
        tenant: alice.tenant,
        types: ['void'],
        limit: 10,
      })
      expect(entries).toMatchObject([{ amount: 0n, reference: 'internal' }])
      expect((await alice.call(once)).status).toBe(200)
      const replayed = await alice.call(asking('500', once))
      expect([replayed.status, replayed.headers['idempotency-replayed']]).toEqual([200, 'true'])
    })

    it('speaks the protocol of the route', async () => {
      const body = {
        inputs: [{ name: 'float_input', shape: [1, 4], datatype: 'FP32', data: [5, 3, 1, 0] }],
      }
      const metadata = await client.get('/v2/models/iris')
      const [input] = Object(metadata.json).inputs
      const tensors = { inputs: body.inputs.map((one) => ({ ...one, name: input.name })) }
      const { status, json } = await alice.call(asking('402'), tensors, '/v2/models/iris/infer')
      expect([status, json]).toEqual([402, { error: expect.stringContaining('credit_exhausted') }])
    })

    it('is for test keys, and for the answers that there are', async () => {
      const live = await newPayer(client, { credit: 1_000n })
      for (const [payer, asked] of [
        [live, '402'],
        [live, '500'],
        [alice, '200'],
        [alice, '503'],
        [alice, 'toString'],
        [alice, ''],
      ] as const) {
        const { status, json } = await payer.call(asking(asked))
        expect([asked, status, json]).toMatchObject([asked, 422, { code: 'parameter_invalid' }])
      }
      expect(await live.balance()).toEqual([1_000n, 0n, 0n])
      expect((await live.call()).status).toBe(200)
    })

    it('never costs anything', async () => {
      for (const status of ['402', '409', '429', '500']) await alice.call(asking(status))
      expect(await alice.balance()).toEqual([1_000n, 0n, 0n])
      expect((await alice.charges()).every((amount) => amount === 0n)).toBe(true)
    })
  })
}

import { afterEach, describe, expect, test } from 'vitest'
import { drainOutbox } from '#shared/metering/drain-outbox.ts'
import type { AccountSettings, CallLimits } from '#shared/metering/ledger.ts'
import { fresh } from './ledger-samples.ts'
import { type StoreDownOptions, startStoreDown } from './store-down-world.ts'

const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

async function start(options?: StoreDownOptions) {
  const world = await startStoreDown(options)
  ends.push(world.stop)
  return world
}

const trusted = { trusted: true }
const code = ({ body }: { body: string | Uint8Array }) => JSON.parse(body.toString()).code

describe('while the ledger does not answer', () => {
  test.each<[string, Partial<AccountSettings>, CallLimits?]>([
    ['prepaid', { mode: 'prepaid' }],
    ['prepaid, trusted or not', { mode: 'prepaid', trusted: true }],
    ['postpaid and not trusted', {}],
    ['capped', { trusted: true, limits: { monthlySpend: 1_000_000n } }],
    ['limited by the day', { trusted: true, limits: { dailyCalls: 1_000 } }],
    ['limited at a time', { trusted: true, limits: { concurrency: 10 } }],
    ['called with a capped key', trusted, { monthlySpend: 1_000_000n }],
  ])('runs nothing for an account that is %s, and says when to try again', async (_, ...rights) => {
    const { newCaller, line, state } = await start()
    const caller = await newCaller(...rights)
    line.down = true
    const { status, headers, body } = await caller.call()
    expect([status, code({ body })]).toEqual([503, 'store_unavailable'])
    expect(headers).toMatchObject({ 'retry-after': '1', 'x-should-retry': 'true' })
    expect(state.runs).toBe(0)
    line.down = false
    expect((await caller.call()).status).toBe(200)
    expect(await caller.charges()).toEqual([100n, 100n])
  })

  test('serves who is trusted, and books each call once when it answers again', async () => {
    const { newCaller, line, drain, audit } = await start()
    const caller = await newCaller(trusted)
    line.down = true
    for (const _ of ['first', 'second']) {
      const { status, headers } = await caller.call()
      expect([status, headers['x-cost-units']]).toEqual([200, '100'])
    }
    await expect(drain()).rejects.toMatchObject({ code: 'store_unavailable' })
    line.down = false
    expect(await drain()).toBe(2)
    expect(await drain()).toBe(0)
    expect(await caller.charges()).toEqual([100n, 100n, 100n])
    expect(await audit()).toEqual([])
  })

  test('serves no more than the outbox holds, until that is booked', async () => {
    const { newCaller, line, drain, state } = await start({ mostCalls: 3 })
    const caller = await newCaller(trusted)
    line.down = true
    const answers = await Promise.all([1, 2, 3, 4, 5, 6].map(() => caller.call()))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 503, 503, 503])
    state.runs = 0
    expect((await caller.call()).status).toBe(503)
    expect(state.runs).toBe(0)
    line.down = false
    await drain()
    expect(await caller.charges()).toHaveLength(4)
    line.down = true
    expect((await caller.call()).status).toBe(200)
  })

  test('does not answer what may have been answered before: a key, or a counted retry', async () => {
    const { newCaller, line, state } = await start()
    const caller = await newCaller(trusted)
    line.down = true
    for (const headers of [{ 'idempotency-key': 'order-1' }, { 'x-stainless-retry-count': '1' }]) {
      expect((await caller.call(headers)).status).toBe(503)
    }
    expect(state.runs).toBe(0)
  })

  test.each([
    ['still down', true],
    ['back, and nothing is booked yet', false],
  ])('repeats an answer to the retry of an official client: %s', async (_, down) => {
    const { newCaller, line, drain, audit } = await start()
    const caller = await newCaller(trusted)
    line.down = true
    const first = await caller.call({ 'x-stainless-retry-count': '0' })
    line.down = down
    const again = await caller.call({ 'x-stainless-retry-count': '1' })
    expect([again.status, again.headers['idempotency-replayed']]).toEqual([200, 'true'])
    expect(Buffer.from(again.body)).toEqual(Buffer.from(first.body))
    line.down = false
    await drain()
    const late = await caller.call({ 'x-stainless-retry-count': '2' })
    expect(Buffer.from(late.body)).toEqual(Buffer.from(first.body))
    expect(await caller.charges()).toEqual([100n, 100n])
    expect(await audit()).toEqual([])
  })

  test('does not trust an account that it has not seen for an hour', async () => {
    let time = Date.now()
    const { newCaller, line } = await start({ now: () => time })
    const caller = await newCaller(trusted)
    line.down = true
    time += 60 * 60 * 1_000
    expect((await caller.call()).status).toBe(503)
  })

  test('keeps what was sold over a restart, and then trusts nobody it has not met', async () => {
    const { newCaller, line, restart, drain } = await start()
    const caller = await newCaller(trusted)
    line.down = true
    await caller.call()
    await restart()
    expect((await caller.call()).status).toBe(503)
    line.down = false
    expect(await drain()).toBe(1)
    expect(await caller.charges()).toEqual([100n, 100n])
  })

  test.each(['reserve', 'settle'])(
    'books once, also where the reply to %s is lost',
    async (operation) => {
      const { newCaller, line, drain, audit } = await start()
      const caller = await newCaller(trusted)
      line.down = true
      await caller.call()
      line.down = false
      line.unheard = operation
      await expect(drain()).rejects.toMatchObject({ code: 'store_unavailable' })
      if (operation === 'reserve') {
        // The hold of the attempt that died must end first.
        expect(await drain()).toBe(0)
        expect(await drain(() => Date.now() + 60_000)).toBe(1)
      } else expect(await drain()).toBe(1)
      expect(await caller.charges()).toEqual([100n, 100n])
      expect(await audit()).toEqual([])
    },
  )

  test('begins to book nothing more when its time is over', async () => {
    const { newCaller, line, services, state, drain } = await start()
    const caller = await newCaller(trusted)
    line.down = true
    await caller.call()
    line.down = false
    const { ledger } = services
    const late = { ledger, outbox: state.outbox, newId: () => fresh('fence'), longestMs: 0 }
    expect(await drainOutbox(late)).toBe(0)
    expect(await caller.charges()).toHaveLength(1)
    expect(await drain()).toBe(1)
  })

  test('books once when it is drained by several at a time', async () => {
    const { newCaller, line, drain, audit } = await start()
    const caller = await newCaller(trusted)
    line.down = true
    for (const _ of [1, 2, 3]) await caller.call()
    line.down = false
    await Promise.all([drain(), drain(), drain()])
    await drain()
    expect(await caller.charges()).toHaveLength(4)
    expect(await audit()).toEqual([])
  })
})

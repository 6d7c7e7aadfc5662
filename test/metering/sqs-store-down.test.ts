import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { openMeter } from '#shared/endpoints/open-meter.ts'
import { onSchedule } from '#shared/endpoints/sweeper.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { AccountSettings } from '#shared/metering/ledger.ts'
import { startSqsOutboxes } from './sqs-outbox-server.ts'
import { startStoreDown } from './store-down-world.ts'

/** The meter and the sweeper of functions, with a queue for an outbox. */
describe('a function, while the ledger does not answer', { timeout: 60_000 }, () => {
  let sqs: Awaited<ReturnType<typeof startSqsOutboxes>>
  const ends: (() => unknown)[] = []
  beforeAll(async () => {
    sqs = await startSqsOutboxes()
  })
  afterAll(() => sqs?.stop())
  // The server runs in this process: its time is ours.
  beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }))
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end()
    vi.useRealTimers()
  })

  async function start({ mostOwnCalls = 10, isLost = false } = {}) {
    const queue = sqs.newQueue()
    const world = await startStoreDown({
      openOutbox: () => (isLost ? sqs.openLost() : queue.open({ mostOwnCalls })),
      openMeter,
    })
    ends.push(world.stop)
    const { services, state } = world
    return {
      ...world,
      messages: () => sqs.server.inspectQueue(queue.name)?.messages.ready ?? [],
      sendAgain: (body: string) => sqs.server.sendMessage(queue.name, body),
      sweep: onSchedule({ ...services, outbox: state.outbox }),
      /** Every delivery that did not end comes again, and every lease is over. */
      later: () => void vi.setSystemTime(Date.now() + 10 * 60_000),
    }
  }
  const trusted = { trusted: true }

  test.each<[string, Partial<AccountSettings>]>([
    ['strict', {}],
    ['single-write', { metering: 'single-write' }],
    ['leased', { metering: 'leased' }],
  ])('serves who is trusted, and charges once what is delivered twice: %s', async (_, settings) => {
    const { newCaller, line, messages, sendAgain, sweep, later, audit } = await start()
    const caller = await newCaller({ ...trusted, ...settings })
    vi.setSystemTime(Date.now() + 10_000)
    line.down = true
    for (const _ of ['first', 'second']) {
      const { status, headers } = await caller.call()
      expect([status, headers['x-cost-units']]).toEqual([200, '100'])
    }
    expect(messages()).toHaveLength(2)
    for (const { body } of messages()) sendAgain(body)
    await expect(sweep()).rejects.toMatchObject({ code: 'store_unavailable' })
    line.down = false
    later()
    await sweep()
    expect(messages()).toEqual([])
    expect(await caller.charges()).toEqual([100n, 100n, 100n])
    expect(await audit()).toEqual([])
  })

  test.each(['reserve', 'settle'])(
    'charges once where the sweeper dies after %s, before the message is removed',
    async (operation) => {
      const { newCaller, line, later, sweep, messages, audit } = await start()
      const caller = await newCaller(trusted)
      line.down = true
      await caller.call()
      line.down = false
      line.unheard = operation
      await expect(sweep()).rejects.toMatchObject({ code: 'store_unavailable' })
      for (const _ of ['the hold ends', 'it is booked', 'nothing is left']) {
        later()
        await sweep()
      }
      expect(messages()).toEqual([])
      expect(await caller.charges()).toEqual([100n, 100n])
      expect(await audit()).toEqual([])
    },
  )

  test('sells what is booked although the sweeper cannot do its other work', async () => {
    const { newCaller, line, services, state } = await start()
    const caller = await newCaller(trusted)
    line.down = true
    await caller.call()
    line.down = false
    const keyStore = { list: () => Promise.reject(new ServiceError('store_unavailable')) }
    const sweep = onSchedule({ ...services, outbox: state.outbox, keyStore })
    await expect(sweep()).rejects.toMatchObject({ code: 'store_unavailable' })
    expect(await caller.charges()).toHaveLength(2)
  })

  test.each<[string, Partial<AccountSettings>]>([
    ['prepaid', { mode: 'prepaid', trusted: true }],
    ['capped', { trusted: true, limits: { monthlySpend: 1_000_000n } }],
    ['not trusted', {}],
  ])('runs nothing for an account that is %s', async (_, settings) => {
    const { newCaller, line, state, messages } = await start()
    const caller = await newCaller(settings)
    line.down = true
    expect((await caller.call()).status).toBe(503)
    expect(state.runs).toBe(0)
    expect(messages()).toEqual([])
  })

  test('serves no more than the outbox may hold', async () => {
    const { newCaller, line, sweep, later, state } = await start({ mostOwnCalls: 2 })
    const caller = await newCaller(trusted)
    line.down = true
    const statuses = []
    for (const _ of [1, 2, 3]) statuses.push((await caller.call()).status)
    expect(statuses).toEqual([200, 200, 503])
    expect(state.runs).toBe(2)
    line.down = false
    await sweep()
    expect(await caller.charges()).toHaveLength(3)
    later()
    line.down = true
    expect((await caller.call()).status).toBe(200)
  })

  test('runs nothing that its caller could ask for again: the queue cannot be searched', async () => {
    const { newCaller, line, state, messages } = await start()
    const caller = await newCaller(trusted)
    line.down = true
    for (const headers of [
      { 'idempotency-key': 'order-1' },
      { 'x-stainless-retry-count': '0' },
      { 'x-stainless-retry-count': '1' },
    ]) {
      expect((await caller.call(headers)).status).toBe(503)
    }
    expect(state.runs).toBe(0)
    expect(messages()).toEqual([])
  })

  test('asks the ledger again after a few seconds, and until then nobody waits for it', async () => {
    const { newCaller, line, messages } = await start()
    const caller = await newCaller(trusted)
    line.down = true
    await caller.call()
    line.down = false
    await caller.call()
    expect(messages()).toHaveLength(2)
    vi.setSystemTime(Date.now() + 5_000)
    await caller.call()
    expect(messages()).toHaveLength(2)
    expect(await caller.charges()).toHaveLength(2)
  })

  test('fails closed where the queue does not answer either', async () => {
    const { newCaller, line, state } = await start({ isLost: true })
    const caller = await newCaller(trusted)
    line.down = true
    expect((await caller.call()).status).toBe(503)
    expect(state.runs).toBe(0)
  })
})

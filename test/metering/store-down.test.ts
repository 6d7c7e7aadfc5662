import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { createKeyManager } from '#shared/access/manage-keys.ts'
import { localEndpoint } from '#shared/endpoints/local-endpoint.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { drainOutbox } from '#shared/metering/drain-outbox.ts'
import type { AccountSettings, CallLimits, Ledger } from '#shared/metering/ledger.ts'
import type { SaleOutbox } from '#shared/metering/sale-outbox.ts'
import { createSqliteSaleOutbox } from '#shared/metering/sqlite-sale-outbox.ts'
import { createTrustedMeter } from '#shared/metering/trusted-meter.ts'
import { startLocalService } from '#test/support/local-service.ts'
import { auditLedger, readEntries } from './audit.ts'
import { fresh, newTopUp } from './ledger-samples.ts'

const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

/** The service with a ledger that can be taken away, and a new tenant that has called once. */
async function start({ mostCalls = 10, now = Date.now } = {}) {
  const service = await startLocalService({ PERCALL_LOG: 'silent' })
  ends.push(service.stop)
  const folder = mkdtempSync(join(tmpdir(), 'percall-outbox-'))
  const open = () => createSqliteSaleOutbox({ path: join(folder, 'outbox.sqlite'), mostCalls })
  const { ledger: real, keyStore, pepper, prices } = service.services
  const { ledger, line } = breakable(real)
  const state = { runs: 0, outbox: open() }
  ends.push(
    () => state.outbox.close(),
    () => rmSync(folder, { recursive: true }),
  )
  const meterOf = (outbox: SaleOutbox) =>
    createTrustedMeter({
      ledger,
      prices,
      outbox,
      now,
      newId: () => fresh('fence'),
      sleep: async () => {},
    })
  const endpointOf = (outbox: SaleOutbox) =>
    localEndpoint({
      ...service.services,
      ledger,
      meter: meterOf(outbox),
      runner: {
        ...service.services.runner,
        predict: (...asked) => {
          state.runs += 1
          return service.services.runner.predict(...asked)
        },
      },
    })
  let endpoint = endpointOf(state.outbox)

  async function newCaller(settings: Partial<AccountSettings>, keyLimits?: CallLimits) {
    const tenant = fresh('tenant')
    await real.putAccount({ tenant, currency: 'USD', mode: 'postpaid', limits: {}, ...settings })
    if (settings.mode === 'prepaid') await real.post(newTopUp(tenant, 10_000n))
    const manager = createKeyManager({ keyStore, pepper, tenant })
    const { key } = await manager.create({
      name: 'key',
      scopes: ['predict'],
      mode: 'live',
      limits: keyLimits,
    })
    const call = (headers: Record<string, string> = {}) =>
      endpoint({
        method: 'POST',
        path: '/v1/models/iris/predict',
        query: {},
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
        body: Buffer.from('{"inputs":[[5.1,3.5,1.4,0.2]]}'),
        sourceIp: '127.0.0.1',
      })
    const charges = async () =>
      (await readEntries(real, tenant, 100))
        .filter(({ type }) => type === 'charge')
        .map(({ amount }) => amount)
    await call()
    state.runs = 0
    return { tenant, call, charges }
  }
  return {
    state,
    line,
    newCaller,
    drain: (at: () => number = Date.now) =>
      drainOutbox({ ledger, outbox: state.outbox, newId: () => fresh('fence'), now: at }),
    audit: () => auditLedger(real, { now: Date.now(), atRest: true }),
    /** A new process with the same file. */
    async restart() {
      await state.outbox.close()
      state.outbox = open()
      endpoint = endpointOf(state.outbox)
    },
  }
}

/** `line.down` breaks all of it; `line.unheard` does the next of these and says it failed. */
function breakable(real: Ledger) {
  const line = { down: false, unheard: '' }
  const through = (name: string, operation: () => unknown) => {
    if (line.down) return Promise.reject(new ServiceError('store_unavailable'))
    if (line.unheard !== name) return operation()
    line.unheard = ''
    return Promise.resolve(operation()).then(() => {
      throw new ServiceError('store_unavailable')
    })
  }
  const ledger = Object.fromEntries(
    Object.entries(real).map(([name, operation]) => [
      name,
      (...args: unknown[]) =>
        through(name, () => (operation as (...a: unknown[]) => unknown)(...args)),
    ]),
  ) as unknown as Ledger
  return { ledger, line }
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

import OpenAI from 'openai'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createKeyManager } from '#shared/access/manage-keys.ts'
import type { AccountSettings } from '#shared/metering/ledger.ts'
import { type GatewayFault, startForgetfulGateway } from '#test/servers/forgetful-gateway.ts'
import { type LocalService, startLocalService } from '#test/support/local-service.ts'
import { auditLedger, readEntries } from './audit.ts'
import { fresh } from './ledger-samples.ts'

type Gateway = Awaited<ReturnType<typeof startForgetfulGateway>>

/** The client as it is, but that it names a header for the key that it draws for each call. */
class KeyedClient extends OpenAI {
  protected override idempotencyHeader = 'Idempotency-Key'
}

describe('the automatic retries of the openai client', () => {
  let service: LocalService
  let gateway: Gateway

  beforeAll(async () => {
    service = await startLocalService()
    gateway = await startForgetfulGateway(service.url)
  })
  beforeEach(() => void gateway.received.splice(0))
  afterAll(async () => {
    await gateway?.stop()
    await service?.stop()
  })

  async function newCaller(settings: Partial<AccountSettings> = {}, Client = OpenAI) {
    const { ledger, keyStore, pepper } = service.services
    const tenant = fresh('caller')
    await ledger.putAccount({ tenant, currency: 'USD', mode: 'postpaid', limits: {}, ...settings })
    const manager = createKeyManager({ keyStore, pepper, tenant })
    const { key } = await manager.create({ name: 'sdk', scopes: ['predict'], mode: 'live' })
    const client = new Client({ apiKey: key, baseURL: `${gateway.url}/v1` })
    return {
      predict: (row: readonly number[], headers: Record<string, string> = {}) =>
        client.post<{ outputs: unknown }>('/models/iris/predict', {
          body: { inputs: [row] },
          headers,
        }),
      charges: async () =>
        (await readEntries(ledger, tenant, 100))
          .filter(({ type }) => type === 'charge')
          .map(({ amount }) => amount),
      /** Nothing that was asked for is left half done. */
      audit: () => auditLedger(ledger, { now: Date.now(), atRest: true, tenants: [tenant] }),
    }
  }
  const row = [5.1, 3.5, 1.4, 0.2]
  const other = [6.7, 3.1, 5.6, 2.4]
  const cut = { kind: 'cut', landed: true } as const

  test.each<[string, GatewayFault[]]>([
    ['the connection breaks after the answer was paid for', [cut]],
    ['it breaks twice', [cut, cut]],
    ['the connection breaks before the call arrives', [{ kind: 'cut', landed: false }]],
    ['a gateway gives up on what was answered', [{ kind: 'status', status: 504, landed: true }]],
    ['a gateway is down for a moment', [{ kind: 'status', status: 503, landed: false }]],
    ['both in turn', [{ kind: 'status', status: 502, landed: false }, cut]],
  ])('are billed once where %s', async (_what, faults) => {
    const caller = await newCaller()
    gateway.plan(...faults)
    const { outputs } = await caller.predict(row)
    expect(outputs).toHaveProperty('0.0.label', 'setosa')
    expect(gateway.received.map((headers) => headers['x-stainless-retry-count'])).toEqual(
      [undefined, ...faults].map((_, count) => String(count)),
    )
    expect(gateway.received.every((headers) => headers['idempotency-key'] === undefined)).toBe(true)
    expect(await caller.charges()).toEqual([100n])
    expect(await caller.audit()).toEqual([])
  })

  test('do not make one of two calls that are equal', async () => {
    const caller = await newCaller()
    await caller.predict(row)
    gateway.plan(cut)
    await caller.predict(row)
    expect(await caller.charges()).toEqual([100n, 100n])
  })

  test('wait as long as a rate limit says, and are billed once', async () => {
    const caller = await newCaller({ limits: { rate: { perMinute: 60, burst: 1 } } })
    await caller.predict(row)
    const started = performance.now()
    await caller.predict(other)
    expect(performance.now() - started).toBeGreaterThan(900)
    expect(gateway.received).toHaveLength(3)
    expect(await caller.charges()).toEqual([100n, 100n])
  })

  test('do not come where they cannot help', async () => {
    const [rich, poor] = [await newCaller(), await newCaller({ mode: 'prepaid' })]
    await expect(rich.predict([1, 2])).rejects.toMatchObject({ status: 422 })
    await expect(poor.predict(row)).rejects.toMatchObject({ status: 402 })
    expect(gateway.received).toHaveLength(2)
  })

  test('are billed once under a key of the caller, also where another body was sold', async () => {
    const caller = await newCaller()
    gateway.plan(cut, cut)
    await caller.predict(row, { 'Idempotency-Key': 'order-4711' })
    await expect(caller.predict(other, { 'Idempotency-Key': 'order-4711' })).rejects.toMatchObject({
      status: 422,
    })
    expect(await caller.charges()).toEqual([100n])
  })

  test('are billed once under the key that the client itself draws for a call', async () => {
    const caller = await newCaller({}, KeyedClient)
    gateway.plan(cut)
    await caller.predict(row)
    await caller.predict(row)
    const keys = gateway.received.map((headers) => headers['idempotency-key'])
    expect(keys[0]).toMatch(/^stainless-node-retry-/)
    expect([keys[1] === keys[0], keys[2] === keys[0]]).toEqual([true, false])
    expect(await caller.charges()).toEqual([100n, 100n])
  })
})

import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDynamodbClient } from '#shared/aws/dynamodb-client.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { createDynamodbRateStore } from '#shared/metering/dynamodb-rate-store.ts'
import { createMemoryRateStore } from '#shared/metering/memory-rate-store.ts'
import { createRateLimiter, RateLimited } from '#shared/metering/rate-limiter.ts'
import type { RateStore } from '#shared/metering/rate-store.ts'
import { startDynamoDbLocal } from '#test/servers/dynamodb-local.ts'
import { createLedgerTable } from './dynamodb-ledger-table.ts'

const step = (now: number) => ({ now, intervalMs: 100, toleranceMs: 400 })

function describeRateStore(name: string, open: () => Promise<RateStore>): void {
  describe(`rate buckets in ${name}`, () => {
    let store: RateStore
    beforeAll(async () => {
      store = await open()
    })

    it('admits a burst of five, then one call an interval', async () => {
      const admitted: number[] = []
      for (let now = 1_000_000; now < 1_001_000; now += 20) {
        if ((await store.step('burst', step(now))).admitted) admitted.push(now - 1_000_000)
      }
      expect(admitted.slice(0, 5)).toEqual([0, 20, 40, 60, 80])
      expect(admitted.slice(5)).toEqual([100, 200, 300, 400, 500, 600, 700, 800, 900])
    })

    it('is full again after the time of a whole burst', async () => {
      for (let call = 0; call < 6; call += 1) await store.step('refill', step(2_000_000))
      const refused = await store.step('refill', step(2_000_000))
      expect(refused).toEqual({ admitted: false, arrivalMs: 2_000_500 })
      expect(await store.step('refill', step(2_000_500))).toEqual({
        admitted: true,
        arrivalMs: 2_000_600,
      })
    })

    it('keeps buckets apart', async () => {
      for (let call = 0; call < 5; call += 1) await store.step('one', step(3_000_000))
      expect((await store.step('one', step(3_000_000))).admitted).toBe(false)
      expect((await store.step('two', step(3_000_000))).admitted).toBe(true)
    })

    it('admits exactly the burst of callers who come at once', async () => {
      const outcomes = await Promise.all(
        Array.from({ length: 30 }, () =>
          store.step('rush', step(4_000_000)).catch(() => ({ admitted: false })),
        ),
      )
      expect(outcomes.filter(({ admitted }) => admitted).length).toBe(5)
    })

    it('admits like the memory store whatever the times are', async () => {
      let bucket = 0
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 12 }),
          async (gaps) => {
            bucket += 1
            const model = createMemoryRateStore()
            let now = 5_000_000
            for (const gap of gaps) {
              now += gap
              const name = `random-${bucket}`
              expect(await store.step(name, step(now))).toEqual(await model.step(name, step(now)))
            }
          },
        ),
        { numRuns: 20, endOnFailure: true },
      )
    })
  })
}

describeRateStore('memory', async () => createMemoryRateStore())

let dynamodb: Awaited<ReturnType<typeof startDynamoDbLocal>> | undefined
afterAll(() => dynamodb?.stop())
describeRateStore('DynamoDB', async () => {
  dynamodb = await startDynamoDbLocal()
  const { endpoint, region, credentials } = dynamodb
  const client = createDynamodbClient({
    region,
    credentials: () => credentials,
    endpoint,
    timeoutMs: 20_000,
    deadlineMs: 20_000,
  })
  await createLedgerTable(client, 'rates')
  return createDynamodbRateStore({ client, table: 'rates' })
})

describe('the rate limiter', () => {
  const parties = [
    { scope: 'key', id: 'acme/k1', limits: { rate: { perMinute: 60, burst: 2 } } },
    { scope: 'project', id: 'acme/p', limits: {} },
  ] as const
  const tenantLimits = async () => ({ rate: { perMinute: 600, burst: 100 } })

  it('tells how the buckets stand, the tightest first', async () => {
    const store = createMemoryRateStore()
    const limit = createRateLimiter({ store, fallback: store, tenantLimits, now: () => 1_000_000 })
    expect(await limit('acme', parties)).toEqual([
      { scope: 'key', quota: 2, windowSeconds: 2, remaining: 1, resetSeconds: 1 },
      { scope: 'tenant', quota: 100, windowSeconds: 10, remaining: 99, resetSeconds: 1 },
    ])
  })

  it('refuses with the time after which a call will be admitted', async () => {
    const store = createMemoryRateStore()
    let time = 1_000_000
    const limit = createRateLimiter({ store, fallback: store, tenantLimits, now: () => time })
    await limit('acme', parties)
    await limit('acme', parties)
    const refusal = await limit('acme', parties).catch((thrown: unknown) => thrown as RateLimited)
    expect(refusal).toBeInstanceOf(RateLimited)
    expect(refusal).toMatchObject({ code: 'rate_limited', retryAfterSeconds: 1 })
    time += 1_000
    expect(await limit('acme', parties)).toHaveLength(2)
  })

  it('limits each process by itself while the store is down', async () => {
    const down: RateStore = {
      step: async () => {
        throw new ServiceError('store_unavailable')
      },
    }
    const limit = createRateLimiter({
      store: down,
      fallback: createMemoryRateStore(),
      tenantLimits,
      now: () => 1_000_000,
    })
    await limit('acme', parties)
    await limit('acme', parties)
    await expect(limit('acme', parties)).rejects.toMatchObject({ code: 'rate_limited' })
  })
})

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ServiceError } from '#shared/errors/service-error.ts'
import { createDirectoryAnswerStore } from '#shared/metering/directory-answer-store.ts'
import { createDynamodbLedger } from '#shared/metering/dynamodb-ledger.ts'
import type { Ledger } from '#shared/metering/ledger.ts'
import { startDynamoDbLocal, whyNoDynamoDbLocal } from '#test/servers/dynamodb-local.ts'
import {
  type DynamodbFault,
  dynamodbFaults,
  startFaultyDynamodbProxy,
} from '#test/servers/faulty-dynamodb-proxy.ts'
import { auditLedger } from './audit.ts'
import { createLedgerTable } from './dynamodb-ledger-table.ts'
import {
  balanceOf,
  chargeOf,
  day,
  fresh,
  newAnswer,
  newCounter,
  newReservation,
  newTopUp,
  releaseOf,
  settlementOf,
  start,
} from './ledger-samples.ts'
import { sharded } from './sharded-ledger.ts'

const missing = whyNoDynamoDbLocal()
const table = 'ledger'
const large = Uint8Array.from({ length: 6_000 }, (_, index) => index % 251)

describe.skipIf(missing)(`the ledger in DynamoDB with faults ${missing ?? ''}`, () => {
  let server: Awaited<ReturnType<typeof startDynamoDbLocal>>
  let calm: Ledger
  const directory = mkdtempSync(join(tmpdir(), 'percall-faults-'))
  const answers = createDirectoryAnswerStore(directory)
  const connect = (endpoint: string, maxAttempts = 5) =>
    server.connect({ endpoint, sleep: async () => {}, maxAttempts })

  beforeAll(async () => {
    server = await startDynamoDbLocal()
    const client = connect(server.endpoint)
    await createLedgerTable(client, table)
    calm = createDynamodbLedger({ client, table, answers })
  }, 90_000)
  afterAll(async () => {
    await server?.stop()
    rmSync(directory, { recursive: true })
  })

  const names = Object.keys(dynamodbFaults) as DynamodbFault[]
  const cases = [
    { fault: 'lost request', maxAttempts: 1, who: 'the caller' },
    { fault: 'lost reply', maxAttempts: 1, who: 'the caller' },
    { fault: 'lost reply', maxAttempts: 5, who: 'the client' },
    { fault: 'transaction conflict', maxAttempts: 5, who: 'the client' },
    { fault: 'throttling', maxAttempts: 5, who: 'the client' },
    { fault: 'lost request', maxAttempts: 1, who: 'the caller', shards: 4 },
    { fault: 'lost reply', maxAttempts: 1, who: 'the caller', shards: 4 },
    { fault: 'transaction conflict', maxAttempts: 5, who: 'the client', shards: 4 },
  ] as const
  test.for(cases)(
    'keeps every book straight when the n-th request meets: $fault, and $who tries again; shards: $shards',
    { timeout: 120_000 },
    async ({ fault, maxAttempts, ...more }) => {
      const { shards = 1 } = 'shards' in more ? more : {}
      const withoutFault = async (n: number) => {
        const proxy = await startFaultyDynamodbProxy(server.endpoint, (number) =>
          number === n ? fault : undefined,
        )
        const client = connect(proxy.endpoint, maxAttempts)
        // Credit is in the first shard, and calls go to the last: it has to move.
        const random = () => 0.99
        const ledger = createDynamodbLedger({ client, table, answers, random })
        const tenant = await everyStep(sharded(ledger, shards)).finally(() => proxy.stop())
        await checkBooks(tenant)
        return proxy.faults === 0
      }
      // Some at a time, until one has fewer requests than that: then every one has had its turn.
      for (let n = 1; ; n += 4) {
        const over = await Promise.all([n, n + 1, n + 2, n + 3].map(withoutFault))
        if (!over.includes(true)) continue
        expect(n).toBeGreaterThan(40)
        return
      }
    },
  )

  /** What can happen to calls, once; each operation is asked again until its outcome is known. */
  async function everyStep(ledger: Ledger): Promise<string> {
    const tenant = fresh('tenant')
    const limit = { id: `${tenant}:spend`, kind: 'spend', limit: 20n } as const
    const slots = { id: `${tenant}:slots`, kind: 'concurrency', amount: 1n, limit: 1n } as const
    const counters = [newCounter(limit), newCounter(slots)]
    const retryPointer = { key: 'pointer', until: start + day }
    const ask = (requestKey: string) =>
      newReservation(tenant, { requestKey, counters, retryPointer })

    const account = { tenant, currency: 'USD', mode: 'prepaid', limits: {} } as const
    await surely(() => ledger.createAccount(account))
    const topUp = newTopUp(tenant, 100n)
    expect(kindOf(await surely(() => ledger.post(topUp)))).toMatch(/posted|duplicate/)

    const [sold, voided, rejected, taken] = ['sold', 'voided', 'rejected', 'taken'].map(ask)
    if (!sold || !voided || !rejected || !taken) throw new Error('There are four.')
    await expectKind(ledger.reserve, sold, 'reserved')
    await expectKind(ledger.reserve, { ...voided, fingerprint: 'x' }, 'limit')
    expect(await surely(() => ledger.renew({ ...sold, leaseUntil: start + day }))).toBe('renewed')
    const answer = newAnswer({ body: large })
    await expectKind(ledger.settle, settlementOf(sold, { charge: 7n, answer }), 'finished')
    await expectKind(ledger.reserve, { ...sold, fence: fresh('fence') }, 'replay')

    await expectKind(ledger.reserve, voided, 'reserved')
    await expectKind(ledger.release, releaseOf(voided), 'finished')
    await expectKind(ledger.reserve, rejected, 'reserved')
    const outcome = { kind: 'rejected', answer: newAnswer() } as const
    await expectKind(ledger.release, releaseOf(rejected, { outcome }), 'finished')

    await expectKind(ledger.reserve, taken, 'reserved')
    const { leaseUntil: now } = taken
    const taker = { ...taken, fence: fresh('fence'), now, leaseUntil: now + 30_000 }
    await expectKind(ledger.reserve, taker, 'reserved')
    await expectKind(ledger.settle, settlementOf(taken), 'lost')
    await expectKind(ledger.settle, settlementOf(taker), 'finished')

    const correction = { type: 'refund', reference: 'sold' } as const
    const refund = newTopUp(tenant, 3n, correction)
    expect(kindOf(await surely(() => ledger.post(refund)))).toMatch(/posted|duplicate/)
    const excess = newTopUp(tenant, 5n, correction)
    expect(kindOf(await surely(() => ledger.post(excess)))).toBe('not-refundable')

    const buyer = fresh('tenant')
    await surely(() => ledger.createAccount({ ...account, tenant: buyer, mode: 'postpaid' }))
    await expectKind(ledger.sell, chargeOf(buyer, 3n), 'sold')
    expect(await balanceOf(calm, buyer)).toEqual([0n, 0n, 3n])
    return tenant
  }

  async function checkBooks(tenant: string): Promise<void> {
    expect(await balanceOf(calm, tenant)).toEqual([86n, 0n, 17n])
    expect(await calm.counters([`${tenant}:spend`, `${tenant}:slots`])).toEqual([17n, 0n])
    const { entries } = await calm.entries({ tenant, limit: 100 })
    expect(entries.map(({ type, amount }) => `${type} ${amount}`).sort()).toEqual(
      ['topup 100', 'charge 7', 'void 0', 'rejection 0', 'charge 10', 'refund 3'].sort(),
    )
  }

  test.for([1, 4])(
    'charges once each of many concurrent calls of which every fifth request fails: %i shards',
    {
      timeout: 120_000,
    },
    async (shards) => {
      let seed = 1
      const proxy = await startFaultyDynamodbProxy(server.endpoint, () => {
        seed = (seed * 48_271) % 2_147_483_647
        return seed % 5 === 0 ? names[seed % names.length] : undefined
      })
      const client = connect(proxy.endpoint, 2)
      const ledger = createDynamodbLedger({ client, table, answers })
      const tenant = fresh('tenant')
      await calm.putAccount({ tenant, currency: 'USD', mode: 'prepaid', limits: {}, shards })
      await calm.post(newTopUp(tenant, 600n))
      const counters = [newCounter({ id: `${tenant}:spend`, limit: 500n })]
      const calls = Array.from({ length: 80 }, (_, index) =>
        newReservation(tenant, { counters, requestKey: `request-${index % 60}` }),
      )
      const kinds = await Promise.all(
        calls.map(async (asked) => {
          const { kind } = await surely(() => ledger.reserve(asked))
          if (kind !== 'reserved') return kind
          return kindOf(await surely(() => ledger.settle(settlementOf(asked))))
        }),
      )
      await proxy.stop()
      expect(proxy.faults).toBeGreaterThan(50)
      expect(kinds.filter((kind) => kind === 'finished')).toHaveLength(50)
      expect(await balanceOf(calm, tenant)).toEqual([100n, 0n, 500n])
      expect(await calm.counters([`${tenant}:spend`])).toEqual([500n])
      const options = { now: start, atRest: true, tenants: [tenant], retentionMs: 0 }
      expect(await auditLedger(calm, options)).toEqual([])
    },
  )

  async function expectKind<Input, Outcome extends { kind: string }>(
    operation: (input: Input) => Promise<Outcome>,
    input: Input,
    kind: Outcome['kind'],
  ): Promise<void> {
    expect(kindOf(await surely(() => operation(input)))).toBe(kind)
  }
})

const kindOf = ({ kind }: { kind: string }) => kind

/** As callers do: an unknown outcome is resolved by asking again with the very same parameters. */
async function surely<Outcome>(operation: () => Promise<Outcome>): Promise<Outcome> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await operation()
    } catch (thrown) {
      const unknown = thrown instanceof ServiceError && thrown.code === 'store_unavailable'
      if (!unknown || attempt === 30) throw thrown
    }
  }
}

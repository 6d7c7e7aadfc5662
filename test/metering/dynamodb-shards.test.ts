import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type DynamodbClient,
  type DynamodbItem,
  DynamodbRefusal,
} from '#shared/aws/dynamodb-client.ts'
import { createDynamodbLedger } from '#shared/metering/dynamodb-ledger.ts'
import { planHold } from '#shared/metering/dynamodb-shards.ts'
import type { AccountSettings } from '#shared/metering/ledger.ts'
import { startDynamoDbLocal, whyNoDynamoDbLocal } from '#test/servers/dynamodb-local.ts'
import { auditLedger } from './audit.ts'
import { createLedgerTable } from './dynamodb-ledger-table.ts'
import {
  balanceOf,
  fresh,
  newCounter,
  newReservation,
  newTopUp,
  openAccount,
  releaseOf,
  settlementOf,
  start,
} from './ledger-samples.ts'

const missing = whyNoDynamoDbLocal()
const table = 'ledger'
const answers = { put: async () => {}, get: async () => undefined, remove: async () => {} }

describe.skipIf(missing)(`a balance in shards ${missing ?? ''}`, { timeout: 60_000 }, () => {
  let server: Awaited<ReturnType<typeof startDynamoDbLocal>>
  let client: DynamodbClient

  beforeAll(async () => {
    server = await startDynamoDbLocal()
    client = server.connect()
    await createLedgerTable(client, table)
  }, 90_000)
  afterAll(() => server?.stop())

  /** Whose calls go to these shards in turn. */
  const open = (turns: readonly number[], shards: number, through = client) => {
    let turn = 0
    const random = () => ((turns[turn++ % turns.length] ?? 0) + 0.5) / shards
    return createDynamodbLedger({ client: through, table, answers, random })
  }

  const settingsOf = (tenant: string, changes: Partial<AccountSettings> = {}) =>
    ({ tenant, currency: 'USD', mode: 'prepaid', limits: {}, ...changes }) as const

  /** `available held spent` of each shard. */
  async function shardsOf(tenant: string, most: number): Promise<string[]> {
    const items = Array.from({ length: most }, async (_, shard) => {
      const [pk, sk] =
        shard === 0 ? [`account#${tenant}`, 'account'] : [`balance#${tenant}#${shard}`, 'balance']
      const Key = { pk: { S: pk }, sk: { S: sk } }
      const { Item } = await client.call('GetItem', { TableName: table, Key, ConsistentRead: true })
      return ['available', 'held', 'spent'].map((part) => textOf(Item, part)).join(' ')
    })
    return Promise.all(items)
  }

  test('holds and settles a call where it was reserved', async () => {
    const ledger = open([0, 1, 2, 3], 4)
    const tenant = await openAccount(ledger, 0n, { mode: 'postpaid', shards: 4 })
    const calls = Array.from({ length: 8 }, () => newReservation(tenant))
    for (const asked of calls) await ledger.reserve(asked)
    expect(await shardsOf(tenant, 4)).toEqual(Array(4).fill('0 20 0'))
    for (const asked of calls.slice(0, 4)) await ledger.settle(settlementOf(asked, { charge: 7n }))
    for (const asked of calls.slice(4)) await ledger.release(releaseOf(asked))
    expect(await shardsOf(tenant, 4)).toEqual(Array(4).fill('0 0 7'))
    expect(await balanceOf(ledger, tenant)).toEqual([0n, 0n, 28n])
  })

  test('moves half of the difference to a shard that has too little, so that the next calls find it', async () => {
    const ledger = open([3, 2, 1], 4)
    const tenant = await openAccount(ledger, 800n, { shards: 4 })
    const reserve = () => ledger.reserve(newReservation(tenant))
    for (const _ of [3, 2, 1]) expect(await reserve()).toMatchObject({ kind: 'reserved' })
    expect(await shardsOf(tenant, 4)).toEqual(['200 0 0', '185 10 0', '190 10 0', '195 10 0'])
  })

  test('refuses nobody whose hold the shards can pay together, down to the last micro', async () => {
    const ledger = open([3], 4)
    const tenant = await openAccount(ledger, 20n, { shards: 4 })
    // Five in each, by four holds that were given back.
    const spread = open([3, 2, 1, 0], 4)
    const pieces = Array.from({ length: 4 }, () => newReservation(tenant, { hold: 5n }))
    for (const asked of pieces) await spread.reserve(asked)
    for (const asked of pieces) await spread.release(releaseOf(asked))
    const whole = newReservation(tenant, { hold: 20n })
    const more = newReservation(tenant, { hold: 21n })
    expect(await ledger.reserve(more)).toEqual({ kind: 'no-credit', available: 20n })
    expect(await ledger.reserve(whole)).toMatchObject({ kind: 'reserved' })
    expect(await shardsOf(tenant, 4)).toEqual(['0 0 0', '0 0 0', '0 0 0', '0 20 0'])
    expect(await ledger.reserve(newReservation(tenant, { hold: 1n }))).toEqual({
      kind: 'no-credit',
      available: 0n,
    })
  })

  test('says 409 and not 402 to a rival of the call that took the last credit meanwhile', async () => {
    const calm = open([0], 4)
    const tenant = await openAccount(calm, 10n, { shards: 4 })
    const first = newReservation(tenant)
    const rival = open([3], 4, {
      async call(operation, input, options) {
        if (operation === 'TransactWriteItems') await calm.reserve(first)
        return client.call(operation, input, options)
      },
    })
    expect(await rival.reserve({ ...first, fence: fresh('fence') })).toEqual({
      kind: 'in-flight',
      leaseUntil: first.leaseUntil,
    })
  })

  test('finds the credit of all shards when there are fewer of them, and ends calls that run there', async () => {
    const many = open([3, 2, 1, 0], 4)
    const tenant = await openAccount(many, 400n, { shards: 4 })
    const running = Array.from({ length: 4 }, () => newReservation(tenant))
    for (const asked of running) await many.reserve(asked)
    await many.putAccount(settingsOf(tenant))
    expect(await balanceOf(many, tenant)).toEqual([360n, 40n, 0n])
    const single = open([0], 1)
    expect(await single.reserve(newReservation(tenant, { hold: 360n }))).toMatchObject({
      kind: 'reserved',
    })
    for (const asked of running) await single.settle(settlementOf(asked, { charge: 4n }))
    expect(await balanceOf(single, tenant)).toEqual([24n, 360n, 16n])
    expect(await single.reserve(newReservation(tenant, { hold: 24n }))).toMatchObject({
      kind: 'reserved',
    })
    expect(await single.account(tenant)).not.toHaveProperty('shards')
  })

  test('may be given more and fewer shards while calls run, and loses nothing', async () => {
    const ledger = createDynamodbLedger({ client, table, answers })
    const tenant = await openAccount(ledger, 500n)
    const call = async () => {
      const asked = newReservation(tenant)
      if ((await ledger.reserve(asked)).kind !== 'reserved') return 'refused'
      return (await ledger.settle(settlementOf(asked))).kind
    }
    const outcomes: Promise<string>[] = []
    for (const shards of [4, 1, 8, 2, 3]) {
      outcomes.push(...Array.from({ length: 12 }, call))
      await ledger.putAccount(settingsOf(tenant, { shards }))
    }
    const kinds = await Promise.all(outcomes)
    expect(kinds.filter((kind) => kind === 'finished')).toHaveLength(50)
    expect(kinds.filter((kind) => kind === 'refused')).toHaveLength(10)
    expect(await balanceOf(ledger, tenant)).toEqual([0n, 0n, 500n])
    const options = { now: start, atRest: true, tenants: [tenant], retentionMs: 0 }
    expect(await auditLedger(ledger, options)).toEqual([])
  })

  test('lets credit expire wherever it is, and only while no shard has changed', async () => {
    const ledger = open([3, 2, 1], 4)
    const tenant = await openAccount(ledger, 800n, { shards: 4 })
    const running = [1, 2, 3].map(() => newReservation(tenant))
    for (const asked of running) await ledger.reserve(asked)
    const expiry = newTopUp(tenant, 770n, { type: 'expiry', reference: undefined })
    const excess = { ...expiry, id: fresh('expiry'), amount: 771n }
    expect(await ledger.post(excess)).toEqual({ kind: 'no-credit', available: 770n })
    expect(await ledger.post(expiry, { spent: 0n, held: 20n })).toEqual({ kind: 'changed' })
    // Between the look and the write, a call moves from one shard to another.
    const [moved] = running
    if (!moved) throw new Error('There are three.')
    const late = open([0], 4, {
      async call(operation, input, options) {
        if (operation === 'TransactWriteItems') {
          await ledger.release(releaseOf(moved))
          await open([0], 4).reserve({ ...moved, requestKey: 'moved', fence: 'moved' })
        }
        return client.call(operation, input, options)
      },
    })
    expect(await late.post(expiry, { spent: 0n, held: 30n })).toMatchObject({
      kind: 'posted',
      account: { available: 0n, held: 30n },
    })
    expect(await shardsOf(tenant, 4)).toEqual(['0 10 0', '0 10 0', '0 10 0', '0 0 0'])
  })

  test('goes to the next shard at once where others are busy at one, and waits after four', async () => {
    const calm = open([0], 4)
    const tenant = await openAccount(calm, 0n, { mode: 'postpaid', shards: 4 })
    const busy: string[] = []
    const crowded = open([2], 4, {
      async call(operation, input, options) {
        const { TransactItems = [] }: { TransactItems?: { Update?: { Key: DynamodbItem } }[] } =
          input
        const reasons = TransactItems.map(({ Update }) => {
          const sk = textOf(Update?.Key, 'sk')
          return { Code: sk === 'balance' || sk === 'account' ? 'TransactionConflict' : 'None' }
        })
        if (operation !== 'TransactWriteItems' || !options?.isTooBusy?.(reasons))
          return client.call(operation, input, options)
        busy.push(...TransactItems.flatMap(({ Update }) => textOf(Update?.Key, 'pk') || []))
        throw new DynamodbRefusal({
          type: 'TransactionCanceledException',
          item: undefined,
          reasons,
        })
      },
    })
    expect(await crowded.reserve(newReservation(tenant))).toMatchObject({ kind: 'reserved' })
    expect(busy).toEqual([`balance#${tenant}#2`, `balance#${tenant}#3`, `account#${tenant}`])
    expect(await shardsOf(tenant, 4)).toEqual(['0 0 0', '0 10 0', '0 0 0', '0 0 0'])
  })

  describe('the counters of a party', () => {
    const periods = ['2026-11-21', '2026-11-22', '2026-11-23', '2026-11-24']
    const idsOf = (party: string) => periods.map((period) => `key:${party}:calls:${period}`)

    async function reserveOn(party: string, tenant: string, index: number) {
      const id = idsOf(party)[index] ?? ''
      const total = newCounter({ id: `key:${party}:spend:total`, limit: 1_000n })
      const counter = newCounter({ id, kind: 'calls', amount: 1n, limit: 2n })
      const asked = newReservation(tenant, { counters: [total, counter] })
      const { kind } = await createDynamodbLedger({ client, table, answers }).reserve(asked)
      return { asked, kind }
    }

    test('begin anew with a period, keep the one before it, and forget those before that', async () => {
      const ledger = open([0], 1)
      const tenant = await openAccount(ledger, 1_000n)
      const party = fresh('party')
      const holds = []
      for (const index of [0, 0, 0, 1, 2, 3]) holds.push(await reserveOn(party, tenant, index))
      expect(holds.map(({ kind }) => kind).map((kind) => kind === 'reserved')).toEqual([
        true,
        true,
        false,
        true,
        true,
        true,
      ])
      expect(await ledger.counters(idsOf(party))).toEqual([0n, 0n, 1n, 1n])
      expect(await ledger.counters([`key:${party}:spend:total`])).toEqual([50n])
      // Holds of all periods end; none of them touches another period.
      for (const { asked } of holds) await ledger.release(releaseOf(asked))
      expect(await ledger.counters(idsOf(party))).toEqual([0n, 0n, 0n, 0n])
      expect(await ledger.counters([`key:${party}:spend:total`])).toEqual([0n])
    })

    test('of yesterday count on for a clock that is behind', async () => {
      const ledger = open([0], 1)
      const tenant = await openAccount(ledger, 1_000n)
      const party = fresh('party')
      const kinds = []
      for (const index of [1, 2, 1, 1]) kinds.push((await reserveOn(party, tenant, index)).kind)
      expect(kinds).toEqual(['reserved', 'reserved', 'reserved', 'limit'])
      expect(await ledger.counters(idsOf(party))).toEqual([0n, 2n, 1n, 0n])
    })

    test('are one item, and of many first calls of a day none passes the limit', async () => {
      const ledger = open([0], 1)
      const tenant = await openAccount(ledger, 1_000n)
      const party = fresh('party')
      await reserveOn(party, tenant, 2)
      const rivals = await Promise.all(Array.from({ length: 8 }, () => reserveOn(party, tenant, 3)))
      expect(rivals.filter(({ kind }) => kind === 'reserved')).toHaveLength(2)
      expect(rivals.filter(({ kind }) => kind === 'limit')).toHaveLength(6)
      const Key = { pk: { S: `counters#key:${party}` }, sk: { S: 'counters' } }
      const { Item = {} } = await client.call('GetItem', { TableName: table, Key })
      expect(Object.keys(Item).sort()).toEqual(
        ['calls_2026_11_23', 'calls_2026_11_24', 'pk', 'sk', 'spend_total'].sort(),
      )
    })
  })
})

describe('the plan of a hold', () => {
  const credit = fc.bigInt({ min: 0n, max: 50n })
  const case_ = fc.record({
    available: fc.array(credit, { minLength: 1, maxLength: 6 }),
    home: fc.nat({ max: 5 }),
    inUse: fc.integer({ min: 1, max: 6 }),
    part: fc.nat({ max: 100 }),
    rivals: fc.boolean(),
  })

  test('pays every hold that all shards together can, and takes from none what it has not', () => {
    fc.assert(
      fc.property(case_, ({ available, home, inUse, part, rivals }) => {
        const total = available.reduce((sum, amount) => sum + amount, 0n)
        const hold = (total * BigInt(part)) / 100n
        const chosen = home % Math.min(inUse, available.length)
        const plan = planHold(available, { home: chosen, hold, inUse, rivals })
        const given = plan.shares.reduce((sum, { amount }) => sum + amount, 0n)
        expect((available[plan.home] ?? 0n) + given).toBeGreaterThanOrEqual(hold)
        expect(plan.home).toBeLessThan(inUse)
        for (const { shard, amount } of plan.shares) {
          expect(shard).not.toBe(plan.home)
          expect(amount).toBeGreaterThan(0n)
          expect(amount).toBeLessThanOrEqual(available[shard] ?? 0n)
        }
        const givers = plan.shares.map(({ shard }) => shard)
        expect(new Set(givers).size).toBe(givers.length)
      }),
      { numRuns: 2_000 },
    )
  })
})

function textOf(item: DynamodbItem | undefined, name: string): string {
  const value = item?.[name]
  return value ? String(Object.values(value)[0]) : ''
}

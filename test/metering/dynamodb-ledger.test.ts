import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DynamodbClient } from '#shared/aws/dynamodb-client.ts'
import { createDirectoryAnswerStore } from '#shared/metering/directory-answer-store.ts'
import { createDynamodbLedger } from '#shared/metering/dynamodb-ledger.ts'
import { startDynamoDbLocal, whyNoDynamoDbLocal } from '#test/servers/dynamodb-local.ts'
import { createLedgerTable, resources } from './dynamodb-ledger-table.ts'
import { describeLedger } from './ledger-contract.ts'
import {
  balanceOf,
  chargeOf,
  comparable,
  day,
  fresh,
  newAnswer,
  newCounter,
  newReservation,
  newTopUp,
  openAccount,
  releaseOf,
  settlementOf,
  start,
} from './ledger-samples.ts'
import { sharded } from './sharded-ledger.ts'

const missing = whyNoDynamoDbLocal()
const table = 'ledger'

describe.skipIf(missing)(`the ledger in DynamoDB ${missing ?? ''}`, () => {
  let server: Awaited<ReturnType<typeof startDynamoDbLocal>>
  let client: DynamodbClient
  const directory = mkdtempSync(join(tmpdir(), 'percall-answers-'))
  const answers = createDirectoryAnswerStore(directory)
  const connect = () => server.connect()
  const open = (through = client) => createDynamodbLedger({ client: through, table, answers })

  beforeAll(async () => {
    server = await startDynamoDbLocal()
    client = connect()
    await createLedgerTable(client, table)
  }, 90_000)
  afterAll(async () => {
    await server?.stop()
    rmSync(directory, { recursive: true })
  })

  describeLedger(() => open(connect()), { runs: 10, timeoutMs: 60_000 })
  describe('with a balance in four shards', () => {
    describeLedger(() => sharded(open(connect()), 4), { runs: 10, timeoutMs: 60_000 })
  })

  test('gives 99 of 150 rivals a hold where there is credit for 99', {
    timeout: 60_000,
  }, async () => {
    const ledger = open()
    const tenant = await openAccount(ledger, 990n)
    const rivals = Array.from({ length: 150 }, () => newReservation(tenant))
    const outcomes = await Promise.all(rivals.map((asked) => ledger.reserve(asked)))
    const kinds = outcomes.map(({ kind }) => kind)
    expect(kinds.filter((kind) => kind === 'reserved')).toHaveLength(99)
    expect(kinds.filter((kind) => kind === 'no-credit')).toHaveLength(51)
    expect(await balanceOf(ledger, tenant)).toEqual([0n, 990n, 0n])
  })

  test('keeps tenants apart whose names contain the separator of keys', async () => {
    const ledger = open()
    const inner = await openAccount(ledger, 100n)
    const outer = `${inner}#x`
    await ledger.putAccount({ tenant: outer, currency: 'USD', mode: 'postpaid', limits: {} })
    const asked = newReservation(outer, { requestKey: 'y' })
    await ledger.reserve(asked)
    await ledger.settle(settlementOf(asked))
    expect(await ledger.find(inner, 'x#y')).toBeUndefined()
    expect(await ledger.find(`${inner}%23x`, 'y')).toBeUndefined()
    expect((await ledger.find(outer, 'y'))?.state).toBe('done')
    expect((await ledger.reserve(newReservation(inner, { requestKey: 'x#y' }))).kind).toBe(
      'reserved',
    )
    expect((await ledger.entries({ tenant: outer, limit: 9 })).entries).toMatchObject([
      { tenant: outer, id: 'y', type: 'charge' },
    ])
  })

  test('lets nobody take over who has looked before the lease was renewed', async () => {
    const ledger = open()
    const asked = newReservation(await openAccount(ledger, 100n))
    await ledger.reserve(asked)
    const renewed = { ...asked, leaseUntil: asked.leaseUntil + day }
    const rival = open({
      async call(operation, input) {
        if (operation === 'UpdateItem') await ledger.renew(renewed)
        return client.call(operation, input)
      },
    })
    const takeover = { ...asked, fence: fresh('fence'), now: asked.leaseUntil }
    expect(await rival.reserve(takeover)).toEqual({
      kind: 'in-flight',
      leaseUntil: renewed.leaseUntil,
    })
  })

  test('sells nothing twice when the request was forgotten, for ever', async () => {
    const ledger = open()
    const tenant = await openAccount(ledger, 100n)
    const asked = newReservation(tenant)
    await ledger.reserve(asked)
    await ledger.settle(settlementOf(asked))
    await forgetRequest(tenant, asked.requestKey)
    expect(await ledger.find(tenant, asked.requestKey)).toBeUndefined()
    const later = { ...asked, fence: fresh('fence'), now: start + 400 * day }
    expect(await ledger.reserve(later)).toEqual({ kind: 'gone' })
    expect(await ledger.settle(settlementOf(later))).toEqual({ kind: 'lost', request: undefined })
    expect(await balanceOf(ledger, tenant)).toEqual([90n, 0n, 10n])
  })

  test('forgets finished requests and retry pointers, and never entries, counters or accounts', async () => {
    const ledger = open()
    const tenant = await openAccount(ledger, 100n)
    const counters = [newCounter()]
    const retryPointer = { key: 'pointer', until: start + 900_000 }
    const [sold, voided, running] = [1, 2, 3].map(() =>
      newReservation(tenant, { counters, retryPointer }),
    )
    if (!sold || !voided || !running) throw new Error()
    for (const asked of [sold, voided, running]) await ledger.reserve(asked)
    await ledger.settle(settlementOf(sold, { answer: newAnswer({ expiresAt: start + day }) }))
    await ledger.release(releaseOf(voided))
    const purge = new Map(
      (await scan())
        .filter(
          ({ pk }) =>
            JSON.stringify(pk).includes(tenant) ||
            JSON.stringify(pk).includes(counters[0]?.id ?? ''),
        )
        .map(({ pk, sk, purgeAt }) => [
          `${Object.values(pk ?? {})} ${Object.values(sk ?? {})}`,
          purgeAt && Number(Object.values(purgeAt)),
        ]),
    )
    // Time to live takes seconds; milliseconds would keep a request for 50,000 years.
    const seconds = start / 1_000
    expect(purge.get(`call#${tenant}#${sold.requestKey} request`)).toBe(seconds + 25 * 3_600)
    expect(purge.get(`call#${tenant}#${voided.requestKey} request`)).toBe(seconds + 86_401)
    expect(purge.get(`retry#${tenant}#pointer retry`)).toBe(seconds + 900)
    const kept = [...purge].filter(([, at]) => at === undefined).map(([name]) => name)
    expect(kept).toContain(`call#${tenant}#${running.requestKey} request`)
    expect(kept).toContain(`call#${tenant}#${sold.requestKey} entry`)
    expect(kept).toContain(`account#${tenant} account`)
    expect(purge.size - kept.length).toBe(3)
  })

  test('lists leases only of requests that are reserved', async () => {
    const ledger = open()
    const tenant = await openAccount(ledger, 100n)
    const asked = newReservation(tenant)
    const leased = async () =>
      (await scan('leases')).filter(({ pk }) => JSON.stringify(pk).includes(asked.requestKey))
    await ledger.reserve(asked)
    expect(await leased()).toHaveLength(1)
    await ledger.settle(settlementOf(asked))
    expect(await leased()).toEqual([])
  })

  test('reads all pages of entries, leases and tenants', async () => {
    const ledger = open(limitPages(client, 2))
    const tenant = await openAccount(ledger, 0n)
    const ids = Array.from({ length: 7 }, (_, at) => `topup-${at}`)
    for (const [at, id] of ids.entries()) await ledger.post(newTopUp(tenant, 10n, { id, at }))
    const running = ids.map(() => newReservation(tenant, { hold: 1n, leaseUntil: 5 }))
    for (const asked of running) await ledger.reserve(asked)
    for (const types of [undefined, ['topup', 'charge'], ['topup']] as const) {
      const { entries } = await ledger.entries({ tenant, types, limit: 100 })
      expect(entries.map(({ id }) => id)).toEqual(ids)
    }
    const expired = await ledger.expiredLeases(6, 100)
    expect(expired.map(({ requestKey }) => requestKey).sort()).toEqual(
      running.map(({ requestKey }) => requestKey).sort(),
    )
    expect(await ledger.tenants()).toContain(tenant)
    for (const asked of running) await ledger.release(releaseOf(asked))
  })

  describe('large answers', () => {
    const answer = newAnswer({
      body: Uint8Array.from({ length: 20_000 }, (_, index) => index % 251),
    })

    test('go to the answer store and come back the same to the last byte', async () => {
      const ledger = open()
      const asked = newReservation(await openAccount(ledger, 100n))
      await ledger.reserve(asked)
      const finished = await ledger.settle(settlementOf(asked, { answer }))
      const replay = await ledger.reserve({ ...asked, fence: fresh('fence') })
      for (const outcome of [
        finished,
        replay,
        { request: await ledger.find(asked.tenant, asked.requestKey) },
      ]) {
        const { request } = outcome as { request: { answer: unknown } }
        expect(comparable(request.answer)).toEqual(comparable(answer))
      }
      const stored = (await scan()).find(({ pk, sk }) =>
        JSON.stringify([pk, sk]).includes(`${asked.requestKey}"},{"S":"request`),
      )
      expect(stored?.answerBytes).toEqual({ N: '20000' })
      expect(JSON.stringify(stored).length).toBeLessThan(2_000)
    })

    test('of an attempt that lost are removed, and those of the winner stay', async () => {
      const ledger = open()
      const first = newReservation(await openAccount(ledger, 100n))
      await ledger.reserve(first)
      const second = {
        ...first,
        fence: fresh('fence'),
        now: first.leaseUntil,
        leaseUntil: start + day,
      }
      // The takeover happens while the first attempt stores its answer.
      const rival = createDynamodbLedger({
        client,
        table,
        answers: {
          ...answers,
          async put(name, body) {
            await answers.put(name, body)
            await ledger.reserve(second)
            await ledger.settle(settlementOf(second, { answer }))
          },
        },
      })
      const before = readdirSync(directory).length
      const lost = await rival.settle(settlementOf(first, { answer }))
      expect(lost).toMatchObject({ kind: 'lost', request: { fence: second.fence, state: 'done' } })
      expect(readdirSync(directory)).toHaveLength(before + 1)
      const found = await ledger.find(first.tenant, first.requestKey)
      expect(comparable(found?.answer)).toEqual(comparable(answer))
    })

    test('that are missing or damaged are never replayed as something else', async () => {
      const ledger = open()
      const asked = newReservation(await openAccount(ledger, 100n))
      await ledger.reserve(asked)
      await ledger.settle(settlementOf(asked, { answer }))
      for (const body of [undefined, new Uint8Array(20_000)]) {
        const damaged = createDynamodbLedger({
          client,
          table,
          answers: { ...answers, get: async () => body },
        })
        expect((await damaged.find(asked.tenant, asked.requestKey))?.answer).toBeUndefined()
        await expect(damaged.reserve({ ...asked, fence: fresh('fence') })).rejects.toMatchObject({
          code: 'store_unavailable',
        })
      }
    })
  })

  test('says that the store is unavailable where the table does not exist', async () => {
    const ledger = createDynamodbLedger({ client, table: 'absent', answers })
    const asked = newReservation('nobody')
    const attempts = [
      ledger.reserve(asked),
      ledger.settle(settlementOf(asked)),
      ledger.release(releaseOf(asked)),
      ledger.find('nobody', 'x'),
      ledger.expiredLeases(start, 1),
      ledger.renew(asked),
      ledger.sell(chargeOf('nobody', 1n)),
      ledger.account('nobody'),
      ledger.createAccount({ tenant: 'nobody', currency: 'USD', mode: 'prepaid', limits: {} }),
      ledger.entry('nobody', 'x'),
      ledger.post(newTopUp('nobody', 1n)),
      ledger.entries({ tenant: 'nobody', limit: 1 }),
      ledger.tenants(),
    ]
    for (const outcome of await Promise.allSettled(attempts)) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'store_unavailable' } })
    }
  })

  /** As time to live does it. */
  const forgetRequest = (tenant: string, requestKey: string) =>
    client.call('DeleteItem', {
      TableName: table,
      Key: { pk: { S: `call#${tenant}#${requestKey}` }, sk: { S: 'request' } },
    })

  const scan = async (IndexName?: string) =>
    (await client.call('Scan', { TableName: table, IndexName })).Items ?? []
})

describe('the resources of the ledger', () => {
  test('keep the money when the stack is deleted, and every version of it', () => {
    expect(resources.LedgerTable).toMatchObject({
      DeletionPolicy: 'Retain',
      UpdateReplacePolicy: 'Retain',
      Properties: {
        BillingMode: 'PAY_PER_REQUEST',
        DeletionProtectionEnabled: true,
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
        SSESpecification: { SSEEnabled: true },
        StreamSpecification: { StreamViewType: 'NEW_AND_OLD_IMAGES' },
        TimeToLiveSpecification: { AttributeName: 'purgeAt', Enabled: true },
      },
    })
  })

  test('keep answers private and no longer than anybody may ask for them', () => {
    expect(resources.AnswerBucket?.Properties).toMatchObject({
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
      // Retention is 24 hours, and S3 counts whole days.
      LifecycleConfiguration: { Rules: [{ Status: 'Enabled', ExpirationInDays: 2 }] },
    })
    expect(JSON.stringify(resources.AnswerBucketPolicy)).toContain('"aws:SecureTransport":false')
  })
})

const limitPages = (client: DynamodbClient, Limit: number): DynamodbClient => ({
  call: (operation, input) =>
    client.call(operation, operation === 'Query' ? { ...input, Limit } : input),
})

import { afterEach, describe, expect, test } from 'vitest'
import { createKeyManager } from '#shared/access/manage-keys.ts'
import { createDynamodbClient } from '#shared/aws/dynamodb-client.ts'
import type { AccountSettings, LedgerEntry } from '#shared/metering/ledger.ts'
import { identifyRequest } from '#shared/metering/request-identity.ts'
import { sweep } from '#shared/metering/sweep.ts'
import { startDynamoDbLocal, whyNoDynamoDbLocal } from '#test/servers/dynamodb-local.ts'
import { dynamodbFaults, startFaultyDynamodbProxy } from '#test/servers/faulty-dynamodb-proxy.ts'
import { createRandom } from '#test/simulator/random.ts'
import { auditLedger, readEntries } from './audit.ts'
import { callStorm, type StormCall, stormPath } from './call-storm.ts'
import { createLedgerTable } from './dynamodb-ledger-table.ts'
import { startFaultyService } from './faulty-service.ts'
import { newTopUp } from './ledger-samples.ts'

/** Calls against each driver; 10,000 in the full proof. */
const asked = process.env.PERCALL_CALLS
const concurrency = 64
const share = 0.02
const price = 100n
const missing = whyNoDynamoDbLocal()

type Service = Awaited<ReturnType<typeof startFaultyService>>
const ends: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

describe('with faults in stores, model and connections, and callers who try again', () => {
  const sqliteCalls = Number(asked ?? 1_000)
  test(
    `${sqliteCalls} calls are charged as often as answered: SQLite`,
    async () => {
      const random = createRandom(20_261_123)
      const service = await startFaultyService({ random, share, environment: {} })
      ends.push(service.stop)
      await prove(service, sqliteCalls, random)
    },
    timeoutFor(sqliteCalls, 40),
  )

  const dynamodbCalls = Number(asked ?? 200)
  const what = `${dynamodbCalls} calls are charged as often as answered: DynamoDB ${missing ?? ''}`
  test.skipIf(missing)(
    what,
    async () => {
      const random = createRandom(20_261_124)
      const server = await startDynamoDbLocal()
      ends.push(server.stop)
      const { region, credentials, endpoint } = server
      const client = createDynamodbClient({
        region,
        credentials: () => credentials,
        endpoint,
        timeoutMs: 20_000,
        deadlineMs: 20_000,
      })
      await createLedgerTable(client, 'ledger')
      const names = Object.keys(dynamodbFaults) as [keyof typeof dynamodbFaults]
      const proxy = await startFaultyDynamodbProxy(endpoint, () =>
        random.chance(share) ? random.pick(names) : undefined,
      )
      ends.push(proxy.stop)
      const environment = {
        PERCALL_LEDGER: 'dynamodb:ledger',
        PERCALL_ANSWERS: 's3://none-is-large',
        AWS_REGION: region,
        AWS_ACCESS_KEY_ID: credentials.accessKeyId,
        AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
        AWS_ENDPOINT_URL_DYNAMODB: proxy.endpoint,
      }
      const service = await startFaultyService({ random, share, environment })
      ends.push(service.stop)
      await prove(service, dynamodbCalls, random)
      expect(proxy.faults).toBeGreaterThan(0)
    },
    timeoutFor(dynamodbCalls, 400),
  )
})

async function prove(service: Service, count: number, random: ReturnType<typeof createRandom>) {
  const { services, faults, failures } = service
  const { ledger } = services
  const callers = await openCallers(service, BigInt(Math.ceil(count / 4)) * price)
  const started = performance.now()
  const storm = await callStorm({
    url: service.url,
    callers,
    calls: count,
    concurrency,
    random,
    share,
  })
  const seconds = (performance.now() - started) / 1_000
  const { calls } = storm
  const answered = calls.filter(({ answers }) => answers.length > 0)
  const mistakes = calls.filter(({ statuses }) => statuses.at(-1) === 422)
  const hungUp = calls.filter(({ statuses }) => statuses.at(-1) === 0)

  // Nobody was left without an answer who waited for one, and nobody was told a false 402.
  expect(answered.length + mistakes.length + hungUp.length).toBe(count)
  expect(calls.flatMap(({ statuses }) => statuses)).not.toContain(402)
  await repeatSome(answered, storm.send)
  storm.end()

  await service.leasesEnd()
  await sweep({ ledger, graceMs: 0 })
  const nameOf = ({ caller, idempotencyKey, body }: StormCall) => ({
    tenant: caller.tenant,
    requestKey: identifyRequest({
      tenant: caller.tenant,
      mode: 'live',
      keyId: '',
      request: {
        method: 'POST',
        path: stormPath,
        query: {},
        headers: { 'content-type': 'application/json', 'idempotency-key': idempotencyKey },
        body: Buffer.from(body),
      },
      newId: () => '',
    }).requestKey,
  })
  const violations = await auditLedger(ledger, {
    now: Date.now(),
    atRest: true,
    tenants: callers.map(({ tenant }) => tenant),
    requests: calls.map(nameOf),
    delivered: answered.map(nameOf),
  })
  expect(violations).toEqual([])

  const charges = await readCharges(
    service,
    callers.map(({ tenant }) => tenant),
  )
  const stored = new Map<string, string>()
  for (const call of calls) {
    const { tenant, requestKey } = nameOf(call)
    const found = await ledger.find(tenant, requestKey)
    if (found?.state === 'done')
      stored.set(requestKey, Buffer.from(found.answer?.body ?? []).toString())
  }
  expect(charges.map(({ id }) => id).sort()).toEqual([...stored.keys()].sort())
  expect(charges.every(({ amount }) => amount === price)).toBe(true)
  for (const call of answered)
    expect(new Set(call.answers)).toEqual(new Set([stored.get(nameOf(call).requestKey)]))
  expect(charges.length).toBeGreaterThanOrEqual(answered.length)
  expect(charges.length).toBeLessThanOrEqual(answered.length + hungUp.length)
  // A proof in which nothing has failed would prove nothing.
  for (const failed of [faults.lost, faults.unheard, mistakes.length]) {
    expect(failed).toBeGreaterThan(0)
  }
  const tries = calls.reduce((sum, { statuses }) => sum + statuses.length, 0)
  console.info(
    `${count} calls in ${tries} tries and ${seconds.toFixed(1)} s: ${answered.length} answered, ` +
      `${charges.length} charged, ${mistakes.length} mistakes, ${hungUp.length} gave up; faults: ` +
      `store ${faults.lost} before and ${faults.unheard} after, model ${failures.model}, ` +
      `hung up ${calls.flatMap(({ statuses }) => statuses).filter((status) => status === 0).length}`,
  )
}

/**
 * One prepaid with what its calls cost and not a micro more, one capped at it, two without. DynamoDB
 * spreads the balances of two: nobody may be told that the prepaid one has no credit left.
 */
async function openCallers({ services }: Service, needed: bigint) {
  const accounts: Partial<AccountSettings>[] = [
    { mode: 'prepaid', shards: 4 },
    { limits: { monthlySpend: needed } },
    { limits: { concurrency, dailyCalls: 1_000_000 } },
    { shards: 4 },
  ]
  const { ledger, keyStore, pepper } = services
  return Promise.all(
    accounts.map(async (settings, index) => {
      const tenant = `caller-${index}`
      await ledger.putAccount({
        tenant,
        currency: 'USD',
        mode: 'postpaid',
        limits: {},
        ...settings,
      })
      if (settings.mode === 'prepaid')
        await ledger.post(newTopUp(tenant, needed, { at: Date.now() }))
      const manager = createKeyManager({ keyStore, pepper, tenant })
      const { key } = await manager.create({ name: 'storm', scopes: ['predict'], mode: 'live' })
      return { tenant, key }
    }),
  )
}

/** Asked again later, a call gets the same answer; this must change no charge. */
async function repeatSome(
  answered: readonly StormCall[],
  send: (call: StormCall) => Promise<[number, string]>,
) {
  for (const call of answered.filter((_, index) => index % 25 === 0)) {
    for (let tries = 0; tries < 20; tries += 1) {
      const [status, text] = await send(call)
      if (status === 200) call.answers.push(text)
      if (status === 200) break
    }
  }
}

async function readCharges(
  { services }: Service,
  tenants: readonly string[],
): Promise<LedgerEntry[]> {
  const all = await Promise.all(
    tenants.map((tenant) => readEntries(services.ledger, tenant, 1_000)),
  )
  return all.flat().filter(({ type }) => type === 'charge')
}

function timeoutFor(calls: number, msPerCall: number): number {
  return 60_000 + calls * msPerCall
}

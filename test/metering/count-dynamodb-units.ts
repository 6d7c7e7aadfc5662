import { createHash, randomUUID } from 'node:crypto'
import type { DynamodbClient, DynamodbItem } from '#shared/aws/dynamodb-client.ts'
import { counterHolds } from '#shared/metering/counter-holds.ts'
import { createDynamodbLedger } from '#shared/metering/dynamodb-ledger.ts'
import type { CallLimits, CounterHold } from '#shared/metering/ledger.ts'
import { newReservation, openAccount, releaseOf, settlementOf, start } from './ledger-samples.ts'

export interface CallUnits {
  readonly mode: string
  /** `12 written, 2 read` of each step. */
  readonly reserve: string
  readonly settle: string
  readonly void: string
  readonly replay: string
}

type Parties = readonly CounterHold['scope'][]

const modes: Readonly<Record<string, { parties: Parties; pointer: boolean }>> = {
  'no limits': { parties: [], pointer: false },
  'no limits, with a retry pointer': { parties: [], pointer: true },
  'limits of the tenant': { parties: ['tenant'], pointer: false },
  'limits of key and tenant': { parties: ['key', 'tenant'], pointer: false },
}
const limits: CallLimits = { monthlySpend: 1_000_000_000n, dailyCalls: 10_000, concurrency: 50 }
const answer = {
  status: 200,
  headers: { 'content-type': 'application/json' },
  body: Buffer.from(
    JSON.stringify({ predictions: Array(4).fill({ label: 'setosa', score: 0.98 }) }),
  ),
  expiresAt: start + 86_400_000,
}
const answers = { put: async () => {}, get: async () => undefined, remove: async () => {} }

/**
 * What one call of a model with a small answer costs, by mode. Counted by DynamoDB's rules from what
 * is really sent and stored: in a transaction 2 write units for each started KB of an item, 1 for
 * each item of an index, 1 read unit for a consistent read of a small item. DynamoDB Local counts
 * transactions on indexed tables otherwise; of its own figures only the indexes that it touched are
 * used.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
 */
export async function countDynamodbUnits(
  client: DynamodbClient,
  table: string,
): Promise<CallUnits[]> {
  const { counting, measure } = createUnitCounter(client, table)
  const ledger = createDynamodbLedger({ client: counting, table, answers })
  const rows: CallUnits[] = []
  for (const [mode, { parties, pointer }] of Object.entries(modes)) {
    const tenant = await openAccount(ledger, 10_000_000n)
    const ids = { key: `${tenant}/k3y1d00x`, project: tenant, tenant }
    const ask = () =>
      newReservation(tenant, {
        requestKey: hash(randomUUID()),
        fingerprint: hash('body'),
        fence: randomUUID().replaceAll('-', ''),
        hold: 1_500n,
        counters: counterHolds(
          parties.map((scope) => ({ scope, id: ids[scope], limits })),
          1_500n,
          start,
        ),
        sale: {
          keyId: 'k3y1d00x',
          project: undefined,
          model: 'iris@1',
          modelDigest: hash('model'),
          priceId: 'per-call@2026-11-01',
        },
        retryPointer: pointer ? { key: hash('pointer'), until: start + 900_000 } : undefined,
      })
    const [sold, voided] = [ask(), ask()]
    const settlement = settlementOf(sold, { charge: 1_500n, answer })
    rows.push({
      mode,
      reserve: await measure(() => ledger.reserve(sold)),
      settle: await measure(() => ledger.settle(settlement)),
      replay: await measure(() => ledger.reserve({ ...sold, fence: 'another' })),
      void: await ledger
        .reserve(voided)
        .then(() => measure(() => ledger.release(releaseOf(voided)))),
    })
  }
  return rows
}

interface SentAction {
  readonly Put?: { readonly Item: DynamodbItem }
  readonly Update?: { readonly Key: DynamodbItem }
}

function createUnitCounter(client: DynamodbClient, table: string) {
  const units = { written: 0, read: 0 }
  const counting: DynamodbClient = {
    async call(operation, input) {
      const answer = await client.call(operation, { ...input, ReturnConsumedCapacity: 'INDEXES' })
      if (operation === 'GetItem' || operation === 'Query') units.read += 1
      const { TransactItems = [] }: { TransactItems?: readonly SentAction[] } = input
      for (const action of TransactItems) units.written += 2 * (await kilobytesOf(action))
      for (const { GlobalSecondaryIndexes = {} } of [answer.ConsumedCapacity ?? []].flat()) {
        units.written += Object.keys(GlobalSecondaryIndexes).length
      }
      return answer
    },
  }
  return {
    counting,
    async measure(run: () => Promise<unknown>): Promise<string> {
      Object.assign(units, { written: 0, read: 0 })
      await run()
      return `${units.written} written, ${units.read} read`
    },
  }

  /** Of the item as it is now: nothing here makes one smaller. */
  async function kilobytesOf({ Put, Update }: SentAction): Promise<number> {
    const { pk, sk } = Put?.Item ?? Update?.Key ?? {}
    const asked = { TableName: table, Key: { pk, sk }, ConsistentRead: true }
    const { Item = {} } = await client.call('GetItem', asked)
    return Math.ceil(sizeOf(Item) / 1_024)
  }
}

/** https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html */
function sizeOf(item: DynamodbItem): number {
  return Object.entries(item).reduce((size, [name, value]) => {
    if ('N' in value) return size + name.length + Math.ceil(value.N.length / 2) + 1
    const bytes = 'B' in value ? Buffer.byteLength(value.B, 'base64') : Buffer.byteLength(value.S)
    return size + name.length + bytes
  }, 0)
}

const hash = (text: string) => createHash('sha256').update(text).digest('hex')

import { createHash, randomUUID } from 'node:crypto'
import type { DynamodbClient } from '#shared/aws/dynamodb-client.ts'
import { counterHolds } from '#shared/metering/counter-holds.ts'
import { createDynamodbLedger } from '#shared/metering/dynamodb-ledger.ts'
import type { CallLimits, CounterHold } from '#shared/metering/ledger.ts'
import { createUnitCounter } from './dynamodb-unit-counter.ts'
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

const modes: Readonly<Record<string, { parties: Parties; pointer: boolean; shards?: number }>> = {
  'no limits': { parties: [], pointer: false },
  'no limits, with a retry pointer': { parties: [], pointer: true },
  'no limits, with four shards': { parties: [], pointer: false, shards: 4 },
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

/** What one call of a model with a small answer costs, step by step and by its limits. */
export async function countDynamodbUnits(
  client: DynamodbClient,
  table: string,
): Promise<CallUnits[]> {
  const { counting, measure: count } = createUnitCounter(client, table)
  const measure = async (run: () => Promise<unknown>) => {
    const { written, read } = await count(run)
    return `${written} written, ${read} read`
  }
  const ledger = createDynamodbLedger({ client: counting, table, answers, random: () => 0 })
  const rows: CallUnits[] = []
  for (const [mode, { parties, pointer, shards }] of Object.entries(modes)) {
    const tenant = await openAccount(ledger, 10_000_000n, { shards })
    const ids = { job: tenant, key: `${tenant}/k3y1d00x`, project: tenant, tenant }
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

const hash = (text: string) => createHash('sha256').update(text).digest('hex')

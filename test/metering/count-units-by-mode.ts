import type { DynamodbClient } from '#shared/aws/dynamodb-client.ts'
import { createDynamodbLedger } from '#shared/metering/dynamodb-ledger.ts'
import type { MeteringMode } from '#shared/metering/ledger.ts'
import { createUnitCounter, type DynamodbUnits } from './dynamodb-unit-counter.ts'
import { callOf, callOnce, modesMeter, openPostpaid } from './modes-world.ts'

export interface ModeUnits extends DynamodbUnits {
  readonly mode: MeteringMode
}

const calls = 100
const answers = { put: async () => {}, get: async () => undefined, remove: async () => {} }

/** What a call costs on average over a block of calls, by the mode of its account, without limits. */
export async function countUnitsByMode(
  client: DynamodbClient,
  table: string,
): Promise<ModeUnits[]> {
  const { counting, measure } = createUnitCounter(client, table)
  const ledger = createDynamodbLedger({ client: counting, table, answers })
  const rows: ModeUnits[] = []
  for (const mode of ['strict', 'single-write', 'leased'] as const) {
    const tenant = await openPostpaid(ledger, { metering: mode })
    const meter = modesMeter(ledger, { blockCalls: calls })
    const { written, read } = await measure(async () => {
      for (let call = 0; call < calls; call += 1) await callOnce(meter, callOf(tenant))
      await meter.close()
    })
    rows.push({ mode, written: written / calls, read: read / calls })
  }
  return rows
}

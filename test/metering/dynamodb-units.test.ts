import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DynamodbClient } from '#shared/aws/dynamodb-client.ts'
import { startDynamoDbLocal, whyNoDynamoDbLocal } from '#test/servers/dynamodb-local.ts'
import { countDynamodbUnits } from './count-dynamodb-units.ts'
import { countUnitsByMode } from './count-units-by-mode.ts'
import { createLedgerTable } from './dynamodb-ledger-table.ts'

const missing = whyNoDynamoDbLocal()
const table = 'ledger'

describe.skipIf(missing)(`units of DynamoDB ${missing ?? ''}`, () => {
  let server: Awaited<ReturnType<typeof startDynamoDbLocal>>
  let client: DynamodbClient

  beforeAll(async () => {
    server = await startDynamoDbLocal()
    client = server.connect()
    await createLedgerTable(client, table)
  }, 90_000)
  afterAll(() => server?.stop())

  /** Money: whoever makes a call dearer sees it here. */
  test('are as many for a call as they were', { timeout: 30_000 }, async () => {
    expect(await countDynamodbUnits(client, table)).toEqual([
      {
        mode: 'no limits',
        reserve: '5 written, 2 read',
        settle: '8 written, 2 read',
        void: '8 written, 2 read',
        replay: '0 written, 2 read',
      },
      {
        mode: 'no limits, with a retry pointer',
        reserve: '7 written, 2 read',
        settle: '8 written, 2 read',
        void: '8 written, 2 read',
        replay: '0 written, 2 read',
      },
      {
        mode: 'no limits, with four shards',
        reserve: '5 written, 2 read',
        // What is left is read of every shard.
        settle: '8 written, 5 read',
        void: '8 written, 5 read',
        replay: '0 written, 2 read',
      },
      {
        mode: 'limits of the tenant',
        reserve: '7 written, 2 read',
        settle: '10 written, 2 read',
        void: '10 written, 2 read',
        replay: '0 written, 2 read',
      },
      {
        mode: 'limits of key and tenant',
        reserve: '9 written, 2 read',
        settle: '12 written, 2 read',
        void: '12 written, 2 read',
        replay: '0 written, 2 read',
      },
    ])
  })

  test('are as few for a call as the mode of its account allows', { timeout: 60_000 }, async () => {
    const rows = await countUnitsByMode(client, table)
    expect(rows.map(({ mode, written }) => [mode, written])).toEqual([
      ['strict', 13],
      ['single-write', 5],
      ['leased', 0.13],
    ])
  })
})

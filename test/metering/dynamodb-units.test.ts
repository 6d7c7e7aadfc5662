import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createDynamodbClient, type DynamodbClient } from '#shared/aws/dynamodb-client.ts'
import { startDynamoDbLocal, whyNoDynamoDbLocal } from '#test/servers/dynamodb-local.ts'
import { countDynamodbUnits } from './count-dynamodb-units.ts'
import { createLedgerTable } from './dynamodb-ledger-table.ts'

const missing = whyNoDynamoDbLocal()
const table = 'ledger'

describe.skipIf(missing)(`units of DynamoDB ${missing ?? ''}`, () => {
  let server: Awaited<ReturnType<typeof startDynamoDbLocal>>
  let client: DynamodbClient

  beforeAll(async () => {
    server = await startDynamoDbLocal()
    const { endpoint, region, credentials } = server
    const patience = { timeoutMs: 30_000, deadlineMs: 60_000 }
    client = createDynamodbClient({ endpoint, region, credentials: () => credentials, ...patience })
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
        mode: 'limits of the tenant',
        reserve: '11 written, 2 read',
        settle: '10 written, 2 read',
        void: '14 written, 2 read',
        replay: '0 written, 2 read',
      },
      {
        mode: 'limits of key and tenant',
        reserve: '17 written, 2 read',
        // With six counters and the answer, the request is above 1 KB.
        settle: '14 written, 2 read',
        void: '20 written, 2 read',
        replay: '0 written, 2 read',
      },
    ])
  })
})

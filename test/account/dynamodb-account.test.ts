import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createInvoice } from '#shared/account/create-invoice.ts'
import { encodeInvoiceCsv } from '#shared/account/invoice-csv.ts'
import { usageReport } from '#shared/account/usage-report.ts'
import { verifyInvoice } from '#shared/account/verify-invoice.ts'
import { createDirectoryAnswerStore } from '#shared/metering/directory-answer-store.ts'
import { createDynamodbLedger } from '#shared/metering/dynamodb-ledger.ts'
import type { Ledger } from '#shared/metering/ledger.ts'
import { createLedgerTable } from '#test/metering/dynamodb-ledger-table.ts'
import { day, openAccount, start } from '#test/metering/ledger-samples.ts'
import { startDynamoDbLocal, whyNoDynamoDbLocal } from '#test/servers/dynamodb-local.ts'
import { fail, newLedger, sell } from './account-ledger.ts'
import { describeCredit } from './credit-contract.ts'

const missing = whyNoDynamoDbLocal()

describe.skipIf(missing)(`on DynamoDB ${missing ?? ''}`, () => {
  let server: Awaited<ReturnType<typeof startDynamoDbLocal>>
  let ledger: Ledger
  const directory = mkdtempSync(join(tmpdir(), 'percall-answers-'))

  beforeAll(async () => {
    server = await startDynamoDbLocal()
    const client = server.connect()
    await createLedgerTable(client, 'ledger')
    const answers = createDirectoryAnswerStore(directory)
    ledger = createDynamodbLedger({ client, table: 'ledger', answers })
  }, 90_000)
  afterAll(async () => {
    await server?.stop()
    rmSync(directory, { recursive: true })
  })

  describeCredit(() => ledger)

  test('reports and invoices are those that SQLite gives for the same calls', async () => {
    const { ledger: sqlite, stop } = newLedger()
    const results = []
    for (const store of [ledger, sqlite]) {
      const tenant = await openAccount(store, 1_000n)
      await store.putAccount({ tenant, currency: 'USD', mode: 'postpaid', limits: {} })
      for (const at of [1, 2, 3]) {
        const sold = { charge: BigInt(at), units: { calls: 1, rows: at }, now: start + at }
        await sell(store, tenant, sold, { requestKey: `request-${at}` })
      }
      await fail(store, tenant, { now: start + 4 })
      const invoice = await createInvoice(
        { ledger: store, now: () => start + 40 * day },
        tenant,
        '2026-11',
      )
      expect(verifyInvoice(encodeInvoiceCsv(invoice))).toMatchObject({ ok: true })
      const usage = await usageReport(store, {
        tenant,
        from: start,
        to: start + day,
        bucket: '1h',
        groupBy: ['model', 'status'],
      })
      const charges = invoice.lines
        .map(({ cells }) => cells)
        .filter(([, , type]) => type === 'charge')
      results.push({ usage, charges, totals: invoice.totals, summary: invoice.summary })
    }
    await stop()
    expect(results[0]).toEqual(results[1])
    expect(results[0]?.usage).toHaveLength(2)
  })
})

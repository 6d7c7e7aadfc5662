import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { createInvoice, listInvoices } from '#shared/account/create-invoice.ts'
import { csv } from '#shared/account/csv.ts'
import { encodeInvoiceCsv } from '#shared/account/invoice-csv.ts'
import { encodeInvoiceHtml } from '#shared/account/invoice-html.ts'
import { encodeInvoiceJson } from '#shared/account/invoice-json.ts'
import { refundCharge } from '#shared/account/refund-charge.ts'
import { verifyInvoice } from '#shared/account/verify-invoice.ts'
import { day, fresh, newTopUp, openAccount, sale, start } from '#test/metering/ledger-samples.ts'
import { fail, newLedger, sell } from './account-ledger.ts'

const { ledger, stop } = newLedger()
afterAll(stop)

const closed = () => start + 30 * day

/** 2 top-ups, 3 charges, a refund, and a failed call. */
async function setUp() {
  const tenant = await openAccount(ledger, 1_000n)
  await ledger.post(newTopUp(tenant, 2n ** 60n, { at: start + 1 }))
  const chargeId = await sell(ledger, tenant, { charge: 40n, now: start + 2 })
  const project = { sale: { ...sale, project: '=cmd|"x"' } }
  await sell(ledger, tenant, { charge: 2n ** 55n, now: start + 2 }, project)
  await fail(ledger, tenant, { now: start + 3 })
  await sell(ledger, tenant, { charge: 1n, now: start + 40 * day })
  const options = { ledger, now: () => start + 5 }
  await refundCharge(options, { tenant, refundId: 'r', chargeId, amount: 15n })
  return tenant
}
const invoiceOf = async (tenant: string, now = closed) =>
  createInvoice({ ledger, now }, tenant, '2026-11')

describe('an invoice', () => {
  test('has every entry of the month that moves money, and what is due', async () => {
    const invoice = await invoiceOf(await setUp())
    expect(invoice.lines.map(({ cells }) => cells[2])).toEqual([
      'topup',
      'topup',
      'charge',
      'charge',
      'refund',
    ])
    expect(invoice.totals).toEqual({
      charges: 40n + 2n ** 55n,
      refunds: 15n,
      topups: 1_000n + 2n ** 60n,
      expiries: 0n,
      due: 25n + 2n ** 55n,
    })
    expect(invoice.summary).toEqual([
      { model: 'iris@1', priceId: sale.priceId, calls: 2, amount: 40n + 2n ** 55n },
    ])
  })

  test('is chained as the documentation says', async () => {
    const tenant = await setUp()
    const { head } = await invoiceOf(tenant)
    const records = csv.parse(encodeInvoiceCsv(await invoiceOf(tenant)))?.slice(2, -1) ?? []
    const sha256 = (...parts: (string | Buffer)[]) => {
      const digest = createHash('sha256')
      for (const part of parts) digest.update(part)
      return digest.digest()
    }
    let link = sha256(`["percall-invoice-1","${tenant}","2026-11","USD"]`)
    for (const record of records) link = sha256(link, JSON.stringify(record.slice(1, -1)))
    expect(head).toBe(link.toString('hex'))
  })

  test('is the same to the last byte whenever it is made, once the month is closed', async () => {
    const tenant = await setUp()
    const later = await invoiceOf(tenant, () => start + 400 * day)
    expect(encodeInvoiceCsv(await invoiceOf(tenant))).toBe(encodeInvoiceCsv(later))
    expect(encodeInvoiceJson(await invoiceOf(tenant))).toBe(encodeInvoiceJson(later))
    expect(encodeInvoiceHtml(await invoiceOf(tenant))).toBe(encodeInvoiceHtml(later))
    expect((await invoiceOf(tenant, () => start + 2 * day)).closed).toBe(false)
  })

  test.each([
    ['CSV', encodeInvoiceCsv],
    ['JSON', encodeInvoiceJson],
  ])('as %s verifies, and every flipped bit is found', async (_, encode) => {
    const invoice = await invoiceOf(await setUp())
    const text = encode(invoice)
    expect(verifyInvoice(text)).toStrictEqual({ ok: true, invoice })
    const bytes = Buffer.from(text)
    for (let at = 0; at < bytes.length; at += 1) {
      const flipped = Buffer.from(bytes)
      flipped.writeUInt8((bytes[at] ?? 0) ^ (1 << (at % 7)), at)
      // JSON writes the same letter of a Unicode escape in two ways; there is none here.
      expect(verifyInvoice(flipped.toString()).ok, `${at}: ${text.slice(at - 9, at + 9)}`).toBe(
        false,
      )
    }
  })

  test('names the first line that is wrong', async () => {
    const text = encodeInvoiceCsv(await invoiceOf(await setUp()))
    const lines = text.split('\r\n')
    const changed = (at: number, edit: (line: string) => string[]) =>
      verifyInvoice(
        lines.flatMap((line, index) => (index === at - 1 ? edit(line) : line)).join('\r\n'),
      )
    expect(changed(4, (line) => [line.replace('topup', 'refund')])).toMatchObject({ line: 4 })
    expect(changed(5, () => [])).toMatchObject({ ok: false, line: 5 })
    expect(changed(6, (line) => [line, line])).toMatchObject({ ok: false, line: 7 })
    expect(changed(7, () => [])).toMatchObject({ ok: false, line: 7 })
    expect(changed(8, (line) => [line.replace('due,36', 'due,35')])).toMatchObject({ line: 8 })
    expect(changed(2, (line) => [line.replace('2026-11', '2026-10')])).toMatchObject({ line: 3 })
    const [json] = [encodeInvoiceJson(await invoiceOf(await setUp()))]
    const wrong = json.replace('"amount_micros":40,', '"amount_micros":41,')
    expect(verifyInvoice(wrong)).toMatchObject({ ok: false, line: 3 })
    expect(verifyInvoice(json.replace('"due_micros":', '"due_micros":1'))).toMatchObject({
      line: 0,
    })
  })

  test('verifies also where a tool has saved its JSON with other spaces', async () => {
    const small = await openAccount(ledger, 5n)
    const { head } = await invoiceOf(small)
    const json = JSON.parse(encodeInvoiceJson(await invoiceOf(small)))
    expect(verifyInvoice(JSON.stringify(json, null, 2))).toMatchObject({
      ok: true,
      invoice: { head },
    })
  })

  test('is refused for what never was one', () => {
    for (const text of [
      '',
      '{}',
      '{"a":',
      'a,b\r\n',
      '[]',
      'line\n0,2026-11',
      '{"entries":[null]}',
    ]) {
      expect(verifyInvoice(text)).toMatchObject({ ok: false })
    }
  })

  test('is listed for each month since the first entry', async () => {
    const tenant = await setUp()
    const months = await listInvoices({ ledger, now: () => start + 60 * day }, tenant)
    expect(months).toEqual([
      { month: '2027-01', closed: false },
      { month: '2026-12', closed: true },
      { month: '2026-11', closed: true },
    ])
    expect(await listInvoices({ ledger, now: closed }, fresh('tenant'))).toEqual([])
  })

  test('does not exist for months that are none or have not begun, nor without an account', async () => {
    const tenant = await setUp()
    const missing = expect.objectContaining({ code: 'resource_not_found' })
    const impossible = expect.objectContaining({ code: 'input_invalid', status: 422 })
    for (const month of ['2026-13', '2026-00', '2026-1', 'now', '', '1999-01']) {
      const made = createInvoice({ ledger, now: closed }, tenant, month)
      await expect(made, month).rejects.toEqual(impossible)
    }
    const future = createInvoice({ ledger, now: closed }, tenant, '2027-02')
    await expect(future).rejects.toEqual(missing)
    await expect(invoiceOf(fresh('tenant'))).rejects.toEqual(missing)
    const large = createInvoice({ ledger, now: closed, maxEntries: 4 }, tenant, '2026-11')
    await expect(large).rejects.toMatchObject({ code: 'result_too_large' })
  })

  test('as HTML shows words as words', async () => {
    const tenant = fresh('<script>alert(1)</script>')
    await ledger.putAccount({ tenant, currency: 'USD', mode: 'postpaid', limits: {} })
    await sell(ledger, tenant, {}, { sale: { ...sale, model: '<img src=x>' } })
    const html = encodeInvoiceHtml(await invoiceOf(tenant))
    expect(html).not.toMatch(/<script|<img/)
    expect(html).toContain('&lt;img src=x&gt;')
    expect(html).toContain((await invoiceOf(tenant)).head)
  })
})

describe('CSV', () => {
  test('is read as it was written, whatever the cells hold', () => {
    const cell = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...`,"'=+-@\r\n\t a`) }))
    const records = fc.array(fc.array(cell, { minLength: 2, maxLength: 4 }))
    fc.assert(
      fc.property(records, (rows) => {
        expect(csv.parse(rows.map(csv.record).join(''))).toEqual(rows)
      }),
    )
  })

  test('has no cell that a spreadsheet would run', () => {
    for (const formula of ['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1']) {
      expect(csv.record([formula, 'x'])).toMatch(/^"?'/)
    }
    expect(csv.record(['a', '1', "it's"])).toBe("a,1,it's\r\n")
  })
})

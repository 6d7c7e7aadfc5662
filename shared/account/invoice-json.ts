import { entryColumns } from './entry-cells.ts'
import type { Invoice } from './invoice.ts'
import { invoiceFormat } from './invoice-chain.ts'

/** What is a number in JSON; everything else is a string or null. */
const numbers = new Set([
  'amount_micros',
  'calls',
  'rows',
  'input_bytes',
  'pixels',
  'input_tokens',
  'output_tokens',
  'compute_ms',
])

/** An invoice as JSON, compact, an entry a line. Amounts are whole numbers of micros. */
export function encodeInvoiceJson(invoice: Invoice): string {
  const { tenant, month, currency, closed, lines, totals, summary, head } = invoice
  const json = JSON.stringify({
    object: 'invoice',
    format: invoiceFormat,
    tenant,
    month,
    currency,
    closed,
    due_micros: exact(totals.due),
    charges_micros: exact(totals.charges),
    refunds_micros: exact(totals.refunds),
    topups_micros: exact(totals.topups),
    expiries_micros: exact(totals.expiries),
    summary: summary.map(({ model, priceId, calls, amount }) => ({
      model,
      price_id: priceId,
      calls,
      amount_micros: exact(amount),
    })),
    head,
  })
  const entries = lines.map(({ cells, link }) =>
    JSON.stringify({
      ...Object.fromEntries(entryColumns.map((name, at) => [name, jsonOf(name, cells[at] ?? '')])),
      chain: link,
    }),
  )
  return `${json.slice(0, -1)},"entries":[${entries.map((line) => `\n${line}`).join(',')}]}\n`
}

const exact = (amount: bigint) => JSON.rawJSON(amount.toString())

function jsonOf(name: string, cell: string): unknown {
  if (cell === '') return null
  return numbers.has(name) && /^\d+$/.test(cell) ? JSON.rawJSON(cell) : cell
}

import { formatMicros } from '#shared/metering/money.ts'
import type { Invoice } from './invoice.ts'

/** An invoice for people, on one page to print: what was bought, what is due, and the chain's head. */
export function encodeInvoiceHtml(invoice: Invoice): string {
  const { tenant, month, currency, closed, lines, totals, summary, head } = invoice
  const money = (amount: bigint) => escapeHtml(`${formatMicros(amount)} ${currency}`)
  const row = (words: readonly string[], amount: bigint) =>
    `<tr>${words.map((word) => `<td>${escapeHtml(word)}</td>`).join('')}<td class="n">${money(amount)}</td></tr>`
  const total = (word: string, amount: bigint) => row([word, '', ''], amount)
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Invoice ${escapeHtml(month)}, ${escapeHtml(tenant)}</title>
<style>
body { font: 11pt/1.5 system-ui, sans-serif; margin: 2cm auto; max-width: 18cm; color: #222 }
table { border-collapse: collapse; width: 100%; margin: 1em 0 }
th, td { text-align: left; padding: .3em .5em; border-bottom: 1px solid #ccc }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
code { font-size: 9pt; overflow-wrap: anywhere }
@media print { body { margin: 0 } }
</style>
<h1>Invoice ${escapeHtml(month)}</h1>
<p>${escapeHtml(tenant)}${closed ? '' : ' – the month is not closed; this is how it stands'}</p>
<table>
<thead><tr><th>Model</th><th>Price</th><th>Calls</th><th class="n">Amount</th></tr></thead>
<tbody>
${summary.map(({ model, priceId, calls, amount }) => row([model, priceId, String(calls)], amount)).join('\n')}
</tbody>
<tfoot>
${total('Charges', totals.charges)}
${total('Refunds', -totals.refunds)}
${total('Due', totals.due)}
</tfoot>
</table>
<p>Credit added ${money(totals.topups)}, expired ${money(totals.expiries)}.</p>
<p>${lines.length} ledger entries, chained by SHA-256 to <code>${escapeHtml(head)}</code>.
Verify the CSV or JSON of this invoice with <code>percall invoice verify</code>.</p>
</html>
`
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}
const escapeHtml = (text: string) => text.replace(/[&<>"']/g, (letter) => entities[letter] ?? '')

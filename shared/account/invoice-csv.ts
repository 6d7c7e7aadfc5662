import { csv } from './csv.ts'
import { entryColumns } from './entry-cells.ts'
import type { Invoice } from './invoice.ts'
import { invoiceChain } from './invoice-chain.ts'

const columns = ['line', ...entryColumns, 'chain']
const blanks = (count: number) => Array<string>(count).fill('')

/**
 * An invoice as CSV: the columns, a line 0 with its title, a line an entry, and a last line with what
 * is due. `chain` holds the links of the chain, on the last line its head.
 */
export function encodeInvoiceCsv(invoice: Invoice): string {
  return invoiceRecords(invoice).map(csv.record).join('')
}

export function invoiceRecords(invoice: Invoice): string[][] {
  const { tenant, month, currency, closed, lines, totals, head } = invoice
  const title = (type: string, amount: string) => [month, tenant, type, amount, currency]
  const rest = blanks(entryColumns.length - 5)
  const state = closed ? 'closed' : 'open'
  return [
    columns,
    ['0', ...title(`invoice-${state}`, ''), ...rest, invoiceChain.start(invoice)],
    ...lines.map(({ cells, link }, index) => [String(index + 1), ...cells, link]),
    [String(lines.length + 1), ...title('due', totals.due.toString()), ...rest, head],
  ]
}

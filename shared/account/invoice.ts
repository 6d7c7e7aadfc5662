import { entryColumns } from './entry-cells.ts'
import { type InvoiceTitle, invoiceChain } from './invoice-chain.ts'

/** An invoice as its files hold it: every cell is text, so that what is hashed is what is read. */
export interface Invoice extends InvoiceTitle {
  /** The month is over, and nothing can be added any more. */
  readonly closed: boolean
  readonly lines: readonly InvoiceLine[]
  readonly totals: InvoiceTotals
  readonly summary: readonly SummaryLine[]
  /** The last link of the chain. */
  readonly head: string
}

export interface InvoiceLine {
  /** By `entryColumns`. */
  readonly cells: readonly string[]
  readonly link: string
}

/** In micros. `due` is what was consumed: charges minus refunds. */
export interface InvoiceTotals {
  readonly charges: bigint
  readonly refunds: bigint
  readonly topups: bigint
  readonly expiries: bigint
  readonly due: bigint
}

export interface SummaryLine {
  readonly model: string
  readonly priceId: string
  readonly calls: number
  readonly amount: bigint
}

const column = (name: (typeof entryColumns)[number]) => entryColumns.indexOf(name)
const at = {
  type: column('type'),
  amount: column('amount_micros'),
  model: column('model'),
  price: column('price_id'),
  calls: column('calls'),
}

/** Everything of an invoice follows from its title and the cells of its entries. */
export function makeInvoice(
  title: InvoiceTitle & { readonly closed: boolean },
  entries: readonly (readonly string[])[],
): Invoice {
  let head = invoiceChain.start(title)
  const sums = { charge: 0n, refund: 0n, topup: 0n, expiry: 0n }
  const summary = new Map<string, SummaryLine>()
  const lines = entries.map((cells) => {
    head = invoiceChain.next(head, cells)
    const type = cells[at.type] as keyof typeof sums
    const amount = BigInt(cells[at.amount] ?? '')
    sums[type] += amount
    if (type === 'charge') addTo(summary, cells, amount)
    return { cells, link: head }
  })
  const totals = {
    charges: sums.charge,
    refunds: sums.refund,
    topups: sums.topup,
    expiries: sums.expiry,
    due: sums.charge - sums.refund,
  }
  return { ...title, lines, totals, summary: [...summary.values()], head }
}

function addTo(summary: Map<string, SummaryLine>, cells: readonly string[], amount: bigint): void {
  const [model = '', priceId = ''] = [cells[at.model], cells[at.price]]
  const name = JSON.stringify([model, priceId])
  const before = summary.get(name)
  summary.set(name, {
    model,
    priceId,
    // One entry may be the charge of many.
    calls: (before?.calls ?? 0) + Number(cells[at.calls] || 1),
    amount: (before?.amount ?? 0n) + amount,
  })
}

import { isDeepStrictEqual } from 'node:util'
import { csv } from './csv.ts'
import { entryColumns } from './entry-cells.ts'
import { type Invoice, makeInvoice } from './invoice.ts'
import { type InvoiceTitle, invoiceChain } from './invoice-chain.ts'
import { invoiceRecords } from './invoice-csv.ts'
import { encodeInvoiceJson } from './invoice-json.ts'

export type Verification =
  | { readonly ok: true; readonly invoice: Invoice }
  /** `line`: of a CSV file its line; of JSON the entry, counted from 1; 0 is the invoice itself. */
  | { readonly ok: false; readonly line: number; readonly problem: string }

/**
 * Checks an invoice by itself: recomputes every link, every total and every other word of it from its
 * title and its entries. It trusts nobody; to know that the invoice is the one that was issued,
 * compare its head.
 */
export function verifyInvoice(text: string): Verification {
  return text.trimStart().startsWith('{') ? verifyJson(text) : verifyCsv(text)
}

const wrong = (line: number, problem: string): Verification => ({ ok: false, line, problem })

function verifyCsv(text: string): Verification {
  const records = csv.parse(text)
  const [, opening, ...rest] = records ?? []
  const [, month = '', tenant = '', type = '', , currency = ''] = opening ?? []
  if (!opening || !/^invoice-(open|closed)$/.test(type)) return wrong(1, 'This is no invoice.')
  const title = { tenant, month, currency, closed: type === 'invoice-closed' }
  const entries = rest.slice(0, -1)
  // The title line stands above the first entry.
  const linesAbove = 3
  const broken = firstBreak(
    title,
    entries.map((record) => ({ cells: record.slice(1, -1), link: record.at(-1) ?? '' })),
  )
  if (broken) return wrong(broken.at + linesAbove, broken.problem)
  const invoice = makeInvoice(
    title,
    entries.map((record) => record.slice(1, -1)),
  )
  const expected = invoiceRecords(invoice)
  const differs = expected.findIndex((record, at) => !isDeepStrictEqual(record, records?.[at]))
  if (differs === -1) return { ok: true, invoice }
  const last = differs === expected.length - 1
  return wrong(differs + 1, last ? 'The amount due or the head is not that of the lines.' : changed)
}

const changed = 'It is not as it was issued.'

function verifyJson(text: string): Verification {
  let value: Record<string, unknown>
  try {
    value = JSON.parse(text, digits)
  } catch {
    return wrong(0, 'This is no JSON.')
  }
  const { tenant, month, currency, closed, entries } = value
  const isTitle = [tenant, month, currency].every((word) => typeof word === 'string')
  if (!isTitle || typeof closed !== 'boolean' || !Array.isArray(entries)) {
    return wrong(0, 'This is no invoice.')
  }
  const title = { tenant, month, currency, closed } as InvoiceTitle & { closed: boolean }
  const lines = entries.map((entry: Record<string, unknown> | null) => ({
    cells: entryColumns.map((name) => String(entry?.[name] ?? '')),
    link: String(entry?.chain),
  }))
  const broken = firstBreak(title, lines)
  if (broken) return wrong(broken.at + 1, broken.problem)
  const invoice = makeInvoice(
    title,
    lines.map(({ cells }) => cells),
  )
  const expected = JSON.parse(encodeInvoiceJson(invoice), digits)
  if (isDeepStrictEqual(value, expected)) return { ok: true, invoice }
  const at = lines.findIndex(
    (_, index) => !isDeepStrictEqual(entries[index], expected.entries[index]),
  )
  return wrong(at + 1, at === -1 ? 'A total or the head is not that of the lines.' : changed)
}

/** Whole numbers as they are written: beyond 2^53 they would be rounded. */
const digits = (_key: string, value: unknown, context?: { source?: string }) =>
  typeof value === 'number' ? (context?.source ?? value) : value

/** The first line whose link does not follow from the one before, or whose amount is none. */
function firstBreak(title: InvoiceTitle, lines: readonly { cells: string[]; link: string }[]) {
  let link = invoiceChain.start(title)
  for (const [at, line] of lines.entries()) {
    const [, , type = '', amount = ''] = line.cells
    if (!/^(charge|refund|topup|expiry)$/.test(type) || !/^\d{1,19}$/.test(amount)) {
      return { at, problem: 'Its type or amount is none.' }
    }
    link = invoiceChain.next(link, line.cells)
    if (link !== line.link) {
      return { at, problem: 'Its hash does not follow from its words and the line before.' }
    }
  }
  return undefined
}

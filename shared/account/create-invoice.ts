import { ServiceError } from '#shared/errors/service-error.ts'
import type { EntryType, Ledger } from '#shared/metering/ledger.ts'
import { entryCells } from './entry-cells.ts'
import { type Invoice, makeInvoice } from './invoice.ts'
import { findAccount } from './open-account.ts'
import { readEntries } from './read-entries.ts'

/** What moves money. Calls that failed or were rejected cost nothing and are no lines. */
const billed: readonly EntryType[] = ['charge', 'refund', 'topup', 'expiry']
/** An attempt may settle late, and clocks disagree: so long after its end a month is closed. */
const sealingMs = 60 * 60 * 1_000

export interface InvoiceOptions {
  readonly ledger: Ledger
  readonly now?: () => number
  /** Of one answer; what is larger is written to a file by the command line. */
  readonly maxEntries?: number
}

/**
 * The invoice of a month (UTC), made of the ledger alone: of a closed month always the same. Before,
 * it shows what there is so far.
 * @param month `2026-11`
 * @throws ServiceError `input_invalid` for a month that no year has, `resource_not_found`,
 *   `result_too_large`
 */
export async function createInvoice(
  { ledger, now = Date.now, maxEntries = Number.POSITIVE_INFINITY }: InvoiceOptions,
  tenant: string,
  month: string,
): Promise<Invoice> {
  const { from, to } = monthRange(month)
  if (from > now()) throw new ServiceError('resource_not_found')
  const { currency } = await findAccount(ledger, tenant)
  const entries: string[][] = []
  for await (const entry of readEntries(ledger, { tenant, from, to, types: billed })) {
    if (entries.push(entryCells(entry)) > maxEntries) {
      throw new ServiceError('result_too_large', {
        detail: `The invoice has more than ${maxEntries} lines.`,
        fix: 'Have "percall invoice show" write it to a file.',
      })
    }
  }
  return makeInvoice({ tenant, month, currency, closed: isClosed(month, now()) }, entries)
}

export interface InvoiceMonth {
  readonly month: string
  readonly closed: boolean
}

/** The months that have an invoice: from the first entry to this one, the latest first. */
export async function listInvoices(
  { ledger, now = Date.now }: InvoiceOptions,
  tenant: string,
): Promise<InvoiceMonth[]> {
  const { entries } = await ledger.entries({ tenant, limit: 1 })
  const [first] = entries
  const months: InvoiceMonth[] = []
  if (!first) return months
  const time = now()
  for (
    let month = monthOf(first.at);
    month <= monthOf(time);
    month = monthOf(monthRange(month).to)
  ) {
    months.unshift({ month, closed: isClosed(month, time) })
  }
  return months
}

const monthOf = (time: number) => new Date(time).toISOString().slice(0, 7)

const isClosed = (month: string, now: number) => now >= monthRange(month).to + sealingMs

function monthRange(month: string): { from: number; to: number } {
  const [, year, number] = /^(2\d{3})-(0[1-9]|1[0-2])$/.exec(month) ?? []
  if (number === undefined) {
    throw new ServiceError('input_invalid', {
      detail: 'There is no such month.',
      fix: 'Write it as year and month, e.g. 2026-11.',
    })
  }
  const start = (months: number) => Date.UTC(Number(year), Number(number) - 1 + months)
  return { from: start(0), to: start(1) }
}

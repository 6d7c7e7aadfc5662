import { createHash } from 'node:crypto'

export const invoiceFormat = 'percall-invoice-1'

/** Whose invoice this is, and of when. */
export interface InvoiceTitle {
  readonly tenant: string
  /** `2026-11`, UTC. */
  readonly month: string
  readonly currency: string
}

/**
 * The chain of hashes over the entries of an invoice, in order of (time, id). Each link is 32 bytes,
 * written as 64 hexadecimal digits:
 *
 *     link 0 = SHA-256( JSON of ["percall-invoice-1", tenant, month, currency] )
 *     link n = SHA-256( link n-1, 32 bytes, then JSON of the cells of entry n )
 *
 * JSON is the text that ECMAScript's `JSON.stringify` makes of an array of strings, as UTF-8, without
 * spaces; the cells are those of `entryCells`, in the order of `entryColumns`. The head is the last
 * link: whoever knows it knows that no line was changed, added, taken away or moved.
 */
export const invoiceChain = {
  start: ({ tenant, month, currency }: InvoiceTitle): string =>
    hash(JSON.stringify([invoiceFormat, tenant, month, currency])),

  next: (link: string, cells: readonly string[]): string =>
    hash(Buffer.from(link, 'hex'), JSON.stringify(cells)),
}

function hash(...parts: readonly (string | Uint8Array)[]): string {
  const digest = createHash('sha256')
  for (const part of parts) digest.update(part)
  return digest.digest('hex')
}

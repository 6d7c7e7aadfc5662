import type { LedgerEntry } from '#shared/metering/ledger.ts'

/** The columns of an entry, in files and in what is hashed. */
export const entryColumns = [
  'time',
  'id',
  'type',
  'amount_micros',
  'currency',
  'key_id',
  'project',
  'model',
  'model_digest',
  'price_id',
  'calls',
  'rows',
  'input_bytes',
  'pixels',
  'input_tokens',
  'output_tokens',
  'compute_ms',
  'reference',
  'credit_expires_at',
] as const

/** An entry as text, a cell a column: times in ISO 8601 (UTC, milliseconds), absent is empty. */
export function entryCells({ at, sale, units, ...entry }: LedgerEntry): string[] {
  return [
    time(at),
    entry.id,
    entry.type,
    entry.amount.toString(),
    entry.currency,
    sale?.keyId,
    sale?.project,
    sale?.model,
    sale?.modelDigest,
    sale?.priceId,
    units.calls,
    units.rows,
    units.inputBytes,
    units.pixels,
    units.inputTokens,
    units.outputTokens,
    units.computeMs,
    entry.reference,
    time(entry.creditExpiresAt),
  ].map((value) => (value === undefined ? '' : String(value)))
}

const time = (at: number | undefined) => (at === undefined ? undefined : new Date(at).toISOString())

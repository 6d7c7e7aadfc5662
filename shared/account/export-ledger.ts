import type { EntryPage, LedgerEntry } from '#shared/metering/ledger.ts'
import { csv } from './csv.ts'
import { entryCells, entryColumns } from './entry-cells.ts'

/**
 * A page of the ledger as a file. Pages of one export, put together, are one file; as Parquet each is
 * a file of its own.
 */
export const exportPage = {
  csv: ({ entries }: EntryPage, isFirst: boolean): string =>
    [
      ...(isFirst ? [csv.record(entryColumns)] : []),
      ...entries.map((entry) => csv.record(entryCells(entry))),
    ].join(''),

  /** @param encode one entry, as `GET /v1/ledger` shows it */
  jsonl: ({ entries }: EntryPage, encode: (entry: LedgerEntry) => unknown): string =>
    entries.map((entry) => `${JSON.stringify(encode(entry))}\n`).join(''),

  /** Its writer is loaded when somebody wants it. */
  parquet: async ({ entries }: EntryPage): Promise<Uint8Array> =>
    (await import('./entries-parquet.ts')).encodeEntriesParquet(entries),
}

import type { EntryPage, LedgerEntry } from '#shared/metering/ledger.ts'
import { csv } from './csv.ts'
import { entryCells, entryColumns } from './entry-cells.ts'

/** A page of the ledger as a file; pages of one export, put together, are one file. */
export const exportPage = {
  csv: ({ entries }: EntryPage, isFirst: boolean): string =>
    [
      ...(isFirst ? [csv.record(entryColumns)] : []),
      ...entries.map((entry) => csv.record(entryCells(entry))),
    ].join(''),

  /** @param encode one entry, as `GET /v1/ledger` shows it */
  jsonl: ({ entries }: EntryPage, encode: (entry: LedgerEntry) => unknown): string =>
    entries.map((entry) => `${JSON.stringify(encode(entry))}\n`).join(''),
}

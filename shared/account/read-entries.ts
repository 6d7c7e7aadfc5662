import type { EntryQuery, Ledger, LedgerEntry } from '#shared/metering/ledger.ts'

/** All entries that a query finds, page by page, in order of (time, id). */
export async function* readEntries(
  ledger: Pick<Ledger, 'entries'>,
  query: Omit<EntryQuery, 'limit'>,
  pageSize = 1_000,
): AsyncGenerator<LedgerEntry> {
  let { after } = query
  do {
    const page = await ledger.entries({ ...query, after, limit: pageSize })
    yield* page.entries
    after = page.next
  } while (after)
}

import { attributes } from '#shared/aws/dynamodb-attributes.ts'
import { entryItem } from './dynamodb-entry-item.ts'
import { ledgerKeys } from './dynamodb-ledger-keys.ts'
import type { LedgerTable } from './dynamodb-ledger-table.ts'
import type { EntryPage, EntryQuery, EntryType, LedgerEntry } from './ledger.ts'

const { text, readText } = attributes

/** What `post` writes, and nothing else does. */
const posted: readonly EntryType[] = ['topup', 'refund', 'expiry']
/** Where entries of some types are passed over, more are looked at than are wanted. */
const filteredPageSize = 500
const largestPageSize = 1_000
/** Behind every position. */
const end = ':'

/**
 * Entries in order. Those of calls come from an index, which may lag by moments; where only posted
 * ones are wanted, as by the sweeper that expires credit, they are read consistently and without
 * walking over all calls.
 */
export async function listEntries(table: LedgerTable, query: EntryQuery): Promise<EntryPage> {
  const { tenant, from = 0, to, types, after, limit } = query
  const earliest = ledgerKeys.startOf(from)
  const last = after && ledgerKeys.position(after.at, after.id)
  const start = last !== undefined && last > earliest ? last : earliest
  const until = to === undefined ? end : ledgerKeys.startOf(to)
  if (start > until || types?.length === 0) return { entries: [] }

  const source = types?.every((type) => posted.includes(type)) ? postings : calls
  const items = table.query({
    ...source.range,
    filter: types && `#type IN (${types.map((type) => `:${type}`)})`,
    values: {
      ...source.values(tenant),
      ':start': text(start),
      ':until': text(until),
      ...Object.fromEntries((types ?? []).map((type) => [`:${type}`, text(type)])),
    },
    pageSize: types ? filteredPageSize : Math.min(limit + 2, largestPageSize),
  })
  const entries: LedgerEntry[] = []
  for await (const item of items) {
    const position = readText(item, source.position)
    // The bounds of a range belong to it.
    if (position === last) continue
    const before = entries.at(-1)
    if (before && entries.length >= limit) {
      return { entries, next: { at: before.at, id: before.id } }
    }
    entries.push(entryItem.toEntry(tenant, position, item))
  }
  return { entries }
}

/** One entry, read consistently. */
export async function readEntry(
  table: LedgerTable,
  tenant: string,
  id: string,
): Promise<LedgerEntry | undefined> {
  const item = await table.get(ledgerKeys.entry(tenant, id))
  return item && entryItem.toEntry(tenant, readText(item, 'position'), item)
}

/** All entries, by the index. */
const calls = {
  position: 'position',
  range: {
    index: 'entries',
    condition: '#entryOf = :tenant AND #position BETWEEN :start AND :until',
  },
  values: (tenant: string) => ({ ':tenant': text(tenant) }),
}

/** The copies of those that no call wrote. */
const postings = {
  position: 'sk',
  range: { condition: '#pk = :pk AND #sk BETWEEN :start AND :until' },
  values: (tenant: string) => ({ ':pk': ledgerKeys.posting(tenant, end).pk }),
}

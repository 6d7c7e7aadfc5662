import { attributes } from '#shared/aws/dynamodb-attributes.ts'
import type { DynamodbClient, DynamodbItem } from '#shared/aws/dynamodb-client.ts'
import type { AnswerStore } from './answer-store.ts'
import { counterPlace, usedOf } from './dynamodb-counter-place.ts'
import { createAccount } from './dynamodb-create-account.ts'
import { listEntries, readEntry } from './dynamodb-entries.ts'
import { createFinish } from './dynamodb-finish.ts'
import { ledgerActions } from './dynamodb-ledger-actions.ts'
import { ledgerKeys } from './dynamodb-ledger-keys.ts'
import { type LedgerTable, openLedgerTable } from './dynamodb-ledger-table.ts'
import { openAccount } from './dynamodb-open-account.ts'
import { createPost } from './dynamodb-post.ts'
import { createRenew } from './dynamodb-renew.ts'
import { requestItem } from './dynamodb-request-item.ts'
import { createReserve } from './dynamodb-reserve.ts'
import { createSell } from './dynamodb-sell.ts'
import { createStoredAnswers } from './dynamodb-stored-answers.ts'
import type { AccountSettings, Ledger, RequestRecord } from './ledger.ts'

const { text, number, readText, readNumber } = attributes

export interface DynamodbLedgerOptions {
  readonly client: DynamodbClient
  /** The table that `resources.yml` declares. */
  readonly table: string
  /** Where large answers go. */
  readonly answers: AnswerStore
  /** A write costs a unit per KB, so what is larger goes to the answer store. */
  readonly largestInlineBytes?: number
  /** In [0, 1): chooses the shard of a balance. */
  readonly random?: () => number
}

/** The ledger in one DynamoDB table, for any number of functions at once. */
export function createDynamodbLedger(options: DynamodbLedgerOptions): Ledger {
  const { client, largestInlineBytes = 4 * 1024, random = Math.random } = options
  const table = openLedgerTable(client, options.table)
  const answers = createStoredAnswers(options.answers, largestInlineBytes)

  async function find(tenant: string, requestKey: string): Promise<RequestRecord | undefined> {
    const item = await table.get(ledgerKeys.request(tenant, requestKey))
    return item && requestItem.toRecord(item, await answers.read(item))
  }

  return {
    reserve: createReserve(table, answers, random),
    ...createFinish(table, answers),
    sell: createSell(table),
    renew: createRenew(table),
    find,

    async findRetried(tenant, pointer, now) {
      const item = await table.get(ledgerKeys.retry(tenant, pointer))
      return item && readNumber(item, 'until') > now
        ? find(tenant, readText(item, 'requestKey'))
        : undefined
    },

    expiredLeases: (time, limit) => readExpiredLeases(table, time, limit),
    createAccount: (settings) => createAccount(table, settings),
    putAccount: (settings) => putAccount(table, settings),
    account: (tenant) => table.account(tenant),

    async counters(ids) {
      const places = ids.map(counterPlace)
      const parties = [...new Set(places.map(({ party }) => party))]
      const items = await Promise.all(parties.map((party) => table.get(ledgerKeys.counters(party))))
      return places.map(({ party, name }) => usedOf(items[parties.indexOf(party)], name))
    },

    post: createPost(table),
    entry: (tenant, id) => readEntry(table, tenant, id),
    entries: (query) => listEntries(table, query),

    async tenants() {
      const { pk } = ledgerKeys.tenant('')
      const items = table.query({ condition: '#pk = :pk', values: { ':pk': pk } })
      return Array.fromAsync(items, (item) => readText(item, 'sk'))
    },

    async close() {},
  }
}

/** The account, new or not: a second time changes nothing. */
function putAccount(table: LedgerTable, settings: AccountSettings): Promise<void> {
  return table.transact<void>(async () => {
    const standing = await table.get(ledgerKeys.account(settings.tenant))
    const steps = openAccount(ledgerActions(table.name), settings, standing)
    return {
      steps: steps.map((action) => ({ action, refused: () => undefined })),
      done: async () => {},
    }
  })
}

/** Requests read at a time. */
const readTogether = 20

/** The index says where to look and may lag; the requests themselves decide. */
async function readExpiredLeases(
  table: LedgerTable,
  time: number,
  limit: number,
): Promise<RequestRecord[]> {
  const groups = await Promise.all(
    ledgerKeys.allLeaseGroups().map((group) => {
      const items = table.query({
        index: 'leases',
        condition: '#leaseGroup = :group AND #leaseUntil < :time',
        values: { ':group': text(group), ':time': number(time) },
        pageSize: Math.min(limit, 1_000),
      })
      return take(items, limit)
    }),
  )
  const oldest = groups
    .flat()
    .sort((a, b) => readNumber(a, 'leaseUntil') - readNumber(b, 'leaseUntil'))
    .slice(0, limit)
  const records: RequestRecord[] = []
  for (let start = 0; start < oldest.length; start += readTogether) {
    const keys = oldest.slice(start, start + readTogether).map(({ pk, sk }) => ({ pk, sk }))
    const items = await Promise.all(keys.map((key) => table.get(key as DynamodbItem)))
    records.push(...items.flatMap((item) => (item ? [requestItem.toRecord(item)] : [])))
  }
  return records.filter(({ state, leaseUntil }) => state === 'reserved' && leaseUntil < time)
}

async function take<Item>(items: AsyncIterable<Item>, limit: number): Promise<Item[]> {
  const taken: Item[] = []
  for await (const item of items) {
    if (taken.push(item) >= limit) break
  }
  return taken
}

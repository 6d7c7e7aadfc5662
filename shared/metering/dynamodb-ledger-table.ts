import type { DynamodbClient, DynamodbItem } from '#shared/aws/dynamodb-client.ts'
import { queryTable, type TableQuery } from '#shared/aws/dynamodb-query.ts'
import { type WriteAction, writeTogether } from '#shared/aws/dynamodb-write.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { accountItem } from './dynamodb-account-item.ts'
import { ledgerKeys } from './dynamodb-ledger-keys.ts'
import type { Account } from './ledger.ts'

export type LedgerTable = ReturnType<typeof openLedgerTable>

export type LedgerQuery = Omit<TableQuery, 'table'>

/** A write, and what it means when its condition does not hold: an outcome, or to look again. */
export interface Step<Outcome> {
  readonly action: WriteAction
  readonly refused: (item: DynamodbItem | undefined) => Outcome | undefined
  /** Called where others use the item, instead of waiting: the next look may choose another one. */
  readonly busy?: (() => void) | undefined
}

/** So many rivals in a row can take what was just read before somebody waits for better times. */
const mostLooks = 12

/** The ledger's one table: consistent reads, pages, and writes that are done together. */
export function openLedgerTable(client: DynamodbClient, table: string) {
  async function get(Key: DynamodbItem): Promise<DynamodbItem | undefined> {
    const { Item } = await client.call('GetItem', { TableName: table, Key, ConsistentRead: true })
    return Item
  }

  return {
    name: table,
    get,

    /** Each shard is read as it is: while credit moves between them, the sum may miss that move. */
    async account(tenant: string): Promise<Account | undefined> {
      const item = await get(ledgerKeys.account(tenant))
      if (!item) return undefined
      const [, ...keys] = balanceKeys(tenant, accountItem.mostShards(item))
      const others = await Promise.all(keys.map(get))
      const shards = [item, ...others].map((shard = {}) => accountItem.toBalance(shard))
      return accountItem.toAccount(tenant, item, shards)
    },

    /**
     * All shards of a balance, and a request beside them, at one instant: only this may say that there
     * is not enough.
     */
    async snapshot(tenant: string, requestKey?: string) {
      const requests = requestKey === undefined ? [] : [ledgerKeys.request(tenant, requestKey)]
      for (let most = 1; ; ) {
        const keys = [...balanceKeys(tenant, most), ...requests]
        const { Responses = [] } = await client.call('TransactGetItems', {
          TransactItems: keys.map((Key) => ({ Get: { TableName: table, Key } })),
        })
        const items = Responses.map(({ Item }) => Item)
        const mostShards = accountItem.mostShards(items[0] ?? {})
        if (mostShards === most) {
          const shards = items.slice(0, most).map((item = {}) => accountItem.toBalance(item))
          return { shards, request: items[most] }
        }
        most = mostShards
      }
    },

    /** All items in order; asks for the next page only when somebody wants it. */
    query: (query: LedgerQuery) => queryTable(client, { ...query, table }),

    /**
     * Looks, decides and writes, again until a decision stands. Every write is conditional on what
     * was seen, so that one which had landed before is seen by the next look and not done twice.
     *
     * @param decide an outcome, or steps to do together and the outcome once they are done
     */
    async transact<Outcome>(
      decide: () => Promise<
        { outcome: Outcome } | { steps: readonly Step<Outcome>[]; done: () => Promise<Outcome> }
      >,
    ): Promise<Outcome> {
      for (let look = 1; look <= mostLooks; look += 1) {
        const decision = await decide()
        if ('outcome' in decision) return decision.outcome
        const { steps, done } = decision
        const impatientAt = steps.findIndex(({ busy }) => busy)
        const refused = await writeTogether(
          client,
          steps.map(({ action }) => action),
          { impatientAt },
        )
        if (!refused) return await done()
        // The first one decides: what comes after it was judged under wrong premises.
        const first = refused.findIndex((refusal) => refusal !== undefined)
        const outcome = steps[first]?.refused(refused[first]?.item)
        if (outcome) return outcome
        if (first < 0) steps[impatientAt]?.busy?.()
      }
      throw new ServiceError('store_unavailable', {
        cause: new Error('Others changed the same items again and again.'),
      })
    },
  }
}

const balanceKeys = (tenant: string, most: number): DynamodbItem[] =>
  Array.from({ length: most }, (_, shard) => ledgerKeys.balance(tenant, shard))

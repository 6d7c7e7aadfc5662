import { createHash } from 'node:crypto'
import type { DynamodbItem } from '#shared/aws/dynamodb-client.ts'

/** Leases are spread over so many partitions of their index. */
const leaseGroups = 8

/**
 * Where the ledger's items lie. All that can be asked about one call shares a partition: its request
 * and the entry of its charge are read together. No key of an entry has a date in it, or the same
 * call could be charged again in another month.
 */
export const ledgerKeys = {
  account: (tenant: string) => key(['account', tenant], 'account'),
  /** Each shard in a partition of its own; the first lies beside the settings. */
  balance: (tenant: string, shard: number) =>
    shard === 0 ? ledgerKeys.account(tenant) : key(['balance', tenant, String(shard)], 'balance'),
  /** All counters of somebody who is limited. */
  counters: (party: string) => key(['counters', party], 'counters'),
  request: (tenant: string, requestKey: string) => key(['call', tenant, requestKey], 'request'),
  /** Every entry has its own partition, by its id. */
  entry: (tenant: string, id: string) => key(['call', tenant, id], 'entry'),
  /** What was refunded of a charge. */
  refunds: (tenant: string, chargeId: string) => key(['call', tenant, chargeId], 'refunds'),
  retry: (tenant: string, pointer: string) => key(['retry', tenant, pointer], 'retry'),
  /** A second copy of entries that are no calls, in order of time and consistent. */
  posting: (tenant: string, position: string) => key(['postings', tenant], position),
  tenant: (tenant: string) => key(['tenants'], tenant),

  /** Tenant and request key (or entry id) of an item's partition key. */
  readCall(partition: string): { tenant: string; id: string } {
    const [, tenant = '', id = ''] = partition.split('#').map(readWord)
    return { tenant, id }
  },

  /** Sorts as (time, id) does. */
  position: (at: number, id: string) => `${digits(at)}#${id}`,
  /** Before all positions of this time. */
  startOf: (at: number) => digits(at),
  readPosition: (position: string) => ({
    at: Number(position.slice(0, 16)),
    id: position.slice(17),
  }),

  leaseGroup: (requestKey: string) =>
    leaseGroup((createHash('sha256').update(requestKey).digest()[0] ?? 0) % leaseGroups),
  allLeaseGroups: () => Array.from({ length: leaseGroups }, (_, index) => leaseGroup(index)),
}

const key = (partition: readonly string[], sort: string) =>
  ({ pk: { S: partition.map(writeWord).join('#') }, sk: { S: sort } }) satisfies DynamodbItem

/** No tenant can name another's items, whatever it is called. */
const writeWord = (word: string) => word.replaceAll('%', '%25').replaceAll('#', '%23')
const readWord = (word: string) => word.replaceAll('%23', '#').replaceAll('%25', '%')

const leaseGroup = (index: number) => `leases#${index}`

/** Sixteen digits hold every safe integer. */
const digits = (at: number) =>
  String(Math.min(Math.max(Math.trunc(at), 0), Number.MAX_SAFE_INTEGER)).padStart(16, '0')

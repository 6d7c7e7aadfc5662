import { attributes } from '#shared/aws/dynamodb-attributes.ts'
import type { DynamodbItem } from '#shared/aws/dynamodb-client.ts'
import { countersJson } from './dynamodb-counters-json.ts'
import { ledgerKeys } from './dynamodb-ledger-keys.ts'
import type {
  AccountMode,
  AccountSettings,
  RequestRecord,
  RequestState,
  Reservation,
  StoredAnswer,
} from './ledger.ts'
import { saleJson } from './sale-json.ts'

const { text, number, readText, readBigint, readNumber } = attributes

/**
 * A request as an item. `leaseGroup` is there only while it is reserved, which keeps the index of
 * leases small. Mode and currency of the account are pinned, and the shard that was taken from, so
 * that what was taken comes back.
 */
export const requestItem = {
  fromReservation: (
    asked: Reservation,
    { mode, currency }: AccountSettings,
    shard: number,
  ): DynamodbItem => ({
    ...ledgerKeys.request(asked.tenant, asked.requestKey),
    state: text('reserved'),
    fingerprint: text(asked.fingerprint),
    fence: text(asked.fence),
    leaseUntil: number(asked.leaseUntil),
    leaseGroup: text(ledgerKeys.leaseGroup(asked.requestKey)),
    hold: number(asked.hold),
    mode: text(mode),
    currency: text(currency),
    shard: number(shard),
    counters: text(countersJson.stringify(asked.counters)),
    sale: text(saleJson.stringify(asked.sale)),
    createdAt: number(asked.now),
  }),

  toRecord(item: DynamodbItem, answer?: StoredAnswer): RequestRecord {
    const { tenant, id } = ledgerKeys.readCall(readText(item, 'pk'))
    return {
      tenant,
      requestKey: id,
      state: readText(item, 'state') as RequestState,
      fingerprint: readText(item, 'fingerprint'),
      fence: readText(item, 'fence'),
      leaseUntil: readNumber(item, 'leaseUntil'),
      hold: readBigint(item, 'hold'),
      counters: countersJson.parse(readText(item, 'counters')),
      sale: saleJson.parse(readText(item, 'sale')),
      createdAt: readNumber(item, 'createdAt'),
      answer,
      charge: item.charge && readBigint(item, 'charge'),
    }
  },

  /** Of the account when the request was reserved. */
  mode: (item: DynamodbItem) => readText(item, 'mode') as AccountMode,
  currency: (item: DynamodbItem) => readText(item, 'currency'),
  /** That holds its hold. */
  shard: (item: DynamodbItem) => readNumber(item, 'shard'),
}

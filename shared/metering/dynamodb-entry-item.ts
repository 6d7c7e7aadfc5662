import { attributes } from '#shared/aws/dynamodb-attributes.ts'
import type { DynamodbItem } from '#shared/aws/dynamodb-client.ts'
import { ledgerKeys } from './dynamodb-ledger-keys.ts'
import type { EntryType, LedgerEntry } from './ledger.ts'
import { saleJson } from './sale-json.ts'

const { text, number, readText, readBigint, readNumber, optionalText } = attributes

/** An entry as items: time and id are in its position, the rest beside it. */
export const entryItem = {
  /** The one that makes its id unique; the index `entries` lists it by its position. */
  fromEntry: (entry: LedgerEntry): DynamodbItem => ({
    ...ledgerKeys.entry(entry.tenant, entry.id),
    entryOf: text(entry.tenant),
    position: text(ledgerKeys.position(entry.at, entry.id)),
    ...content(entry),
  }),

  /** The copy of an entry that no call wrote. */
  fromPosting: (entry: LedgerEntry): DynamodbItem => ({
    ...ledgerKeys.posting(entry.tenant, ledgerKeys.position(entry.at, entry.id)),
    ...content(entry),
  }),

  /** @param position of both: the attribute of the one, the sort key of the other */
  toEntry: (tenant: string, position: string, item: DynamodbItem): LedgerEntry => {
    const { at, id } = ledgerKeys.readPosition(position)
    const sale = optionalText(item, 'sale')
    return {
      tenant,
      id,
      type: readText(item, 'type') as EntryType,
      amount: readBigint(item, 'amount'),
      currency: readText(item, 'currency'),
      at,
      sale: sale === undefined ? undefined : saleJson.parse(sale),
      units: JSON.parse(readText(item, 'units')),
      reference: optionalText(item, 'reference'),
      creditExpiresAt: item.creditExpiresAt && readNumber(item, 'creditExpiresAt'),
      ...(item.spentBefore && { spentBefore: readBigint(item, 'spentBefore') }),
    }
  },
}

const content = (entry: LedgerEntry): DynamodbItem => ({
  type: text(entry.type),
  amount: number(entry.amount),
  currency: text(entry.currency),
  units: text(JSON.stringify(entry.units)),
  ...(entry.sale && { sale: text(saleJson.stringify(entry.sale)) }),
  ...(entry.reference !== undefined && { reference: text(entry.reference) }),
  ...(entry.creditExpiresAt !== undefined && { creditExpiresAt: number(entry.creditExpiresAt) }),
  ...(entry.spentBefore !== undefined && { spentBefore: number(entry.spentBefore) }),
})

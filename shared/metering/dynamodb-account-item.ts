import { attributes } from '#shared/aws/dynamodb-attributes.ts'
import type { DynamodbItem } from '#shared/aws/dynamodb-client.ts'
import type { Account, AccountSettings } from './ledger.ts'
import { limitsJson } from './limits-json.ts'

const { text, number, readText, readBigint, readNumber } = attributes

/** An account as attributes; the balance is never written as a whole. */
export const accountItem = {
  fromSettings: ({ currency, mode, limits, trusted }: AccountSettings): DynamodbItem => ({
    currency: text(currency),
    mode: text(mode),
    limits: text(limitsJson.write(limits)),
    trusted: number(trusted ? 1 : 0),
  }),

  toAccount: (tenant: string, item: DynamodbItem): Account => ({
    tenant,
    currency: readText(item, 'currency'),
    mode: readText(item, 'mode') === 'postpaid' ? 'postpaid' : 'prepaid',
    limits: limitsJson.read(readText(item, 'limits')),
    ...(item.trusted && readNumber(item, 'trusted') === 1 && { trusted: true }),
    available: readBigint(item, 'available'),
    held: readBigint(item, 'held'),
    spent: readBigint(item, 'spent'),
  }),
}

import { attributes } from '#shared/aws/dynamodb-attributes.ts'
import type { DynamodbItem } from '#shared/aws/dynamodb-client.ts'
import type { Account, AccountSettings, CallLimits } from './ledger.ts'

const { text, readText, readBigint } = attributes

/** An account as attributes; the balance is never written as a whole. */
export const accountItem = {
  fromSettings: ({ currency, mode, limits }: AccountSettings): DynamodbItem => ({
    currency: text(currency),
    mode: text(mode),
    limits: text(
      JSON.stringify(limits, (_, value) => (typeof value === 'bigint' ? String(value) : value)),
    ),
  }),

  toAccount: (tenant: string, item: DynamodbItem): Account => ({
    tenant,
    currency: readText(item, 'currency'),
    mode: readText(item, 'mode') === 'postpaid' ? 'postpaid' : 'prepaid',
    limits: readLimits(readText(item, 'limits')),
    available: readBigint(item, 'available'),
    held: readBigint(item, 'held'),
    spent: readBigint(item, 'spent'),
  }),
}

function readLimits(json: string): CallLimits {
  const { monthlySpend, ...limits } = JSON.parse(json)
  return monthlySpend === undefined ? limits : { ...limits, monthlySpend: BigInt(monthlySpend) }
}

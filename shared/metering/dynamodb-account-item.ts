import { attributes } from '#shared/aws/dynamodb-attributes.ts'
import type { DynamodbItem } from '#shared/aws/dynamodb-client.ts'
import type { Account, AccountSettings } from './ledger.ts'
import { limitsJson } from './limits-json.ts'

const { text, number, readText, readBigint, readNumber, optionalText } = attributes

export type Balance = Pick<Account, 'available' | 'held' | 'spent'>

/** An account as attributes; the balance is never written as a whole. */
export const accountItem = {
  fromSettings: ({ currency, mode, limits, ...settings }: AccountSettings): DynamodbItem => ({
    currency: text(currency),
    mode: text(mode),
    limits: text(limitsJson.write(limits)),
    trusted: number(settings.trusted ? 1 : 0),
    metering: text(settings.metering ?? 'strict'),
    shards: number(settings.shards ?? 1),
  }),

  toSettings(tenant: string, item: DynamodbItem): AccountSettings {
    const shards = readNumber(item, 'shards')
    return {
      tenant,
      currency: readText(item, 'currency'),
      mode: readText(item, 'mode') === 'postpaid' ? 'postpaid' : 'prepaid',
      limits: limitsJson.read(readText(item, 'limits')),
      ...(item.trusted && readNumber(item, 'trusted') === 1 && { trusted: true }),
      ...modeOf(optionalText(item, 'metering')),
      ...(shards > 1 && { shards }),
    }
  },

  /** @param shards all there are, the one beside the settings first */
  toAccount: (tenant: string, item: DynamodbItem, shards: readonly Balance[]): Account => ({
    ...accountItem.toSettings(tenant, item),
    ...accountItem.sum(shards),
  }),

  sum: (shards: readonly Balance[]): Balance => ({
    available: shards.reduce((sum, { available }) => sum + available, 0n),
    held: shards.reduce((sum, { held }) => sum + held, 0n),
    spent: shards.reduce((sum, { spent }) => sum + spent, 0n),
  }),

  /** Of one shard. */
  toBalance: (item: DynamodbItem): Balance => ({
    available: readBigint(item, 'available'),
    held: readBigint(item, 'held'),
    spent: readBigint(item, 'spent'),
  }),

  /** The most shards that there ever were: so many may have money. */
  mostShards: (item: DynamodbItem) => readNumber(item, 'mostShards'),
}

const modeOf = (metering: string | undefined) =>
  metering === 'single-write' || metering === 'leased' ? ({ metering } as const) : {}

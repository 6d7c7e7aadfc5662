import { ServiceError } from '#shared/errors/service-error.ts'
import type { DynamodbItem } from './dynamodb-client.ts'

/** Values as DynamoDB writes them, and back. Numbers are exact up to 38 digits. */
export const attributes = {
  text: (value: string) => ({ S: value }),
  number: (value: number | bigint) => ({ N: String(value) }),
  bytes: (value: Uint8Array) => ({ B: Buffer.from(value).toString('base64') }),

  /** @throws ServiceError `store_unavailable` where there is no such text, as the next two do */
  readText: (item: DynamodbItem, name: string) => read(item, name, 'S'),
  readBigint: (item: DynamodbItem, name: string) => BigInt(read(item, name, 'N')),
  readNumber: (item: DynamodbItem, name: string) => Number(read(item, name, 'N')),
  readBytes: (item: DynamodbItem, name: string) =>
    new Uint8Array(Buffer.from(read(item, name, 'B'), 'base64')),

  /** The attribute where it is there. */
  optionalText: (item: DynamodbItem, name: string) => item[name] && read(item, name, 'S'),
}

function read(item: DynamodbItem, name: string, type: 'S' | 'N' | 'B'): string {
  const value: Partial<Record<'S' | 'N' | 'B', string>> = item[name] ?? {}
  const text = value[type]
  if (text !== undefined) return text
  throw new ServiceError('store_unavailable', {
    cause: new Error(`An item has no attribute "${name}" of type ${type}.`),
  })
}

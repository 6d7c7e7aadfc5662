import { attributes } from '#shared/aws/dynamodb-attributes.ts'
import type { DynamodbItem } from '#shared/aws/dynamodb-client.ts'
import type { DeliveryState, OutboxRecord } from './outbox.ts'

const { text, number, readText, readNumber, readBigint, optionalText } = attributes

/** Where records lie, and how they become items and back; nothing is decided here. */
export const outboxItem = {
  partition: (sink: string, tenant: string) => text(words('usage', sink, tenant)),
  /** Before all records of this hour and later ones. */
  startOf: (hour: number) => text(digits(hour)),
  cursor: (sink: string, tenant: string) => ({
    pk: text(words('cursor', sink, tenant)),
    sk: text('cursor'),
  }),
  queue: (sink: string, state: DeliveryState) => text(words(sink, state)),

  /** The copy of a carried record in the hour that took it over. */
  carried: (item: DynamodbItem, into: number, id: string): DynamodbItem => ({
    ...item,
    sk: text(`${digits(into)}#carried#${id}`),
  }),

  fromRecord: (record: OutboxRecord): DynamodbItem => ({
    pk: outboxItem.partition(record.sink, record.tenant),
    sk: text(`${digits(record.hour)}#${record.id}`),
    id: text(record.id),
    sink: text(record.sink),
    tenant: text(record.tenant),
    customer: text(record.customer),
    meter: text(record.meter),
    hour: number(record.hour),
    sequence: number(record.sequence),
    quantity: number(record.quantity),
    state: text(record.state),
    attempts: number(record.attempts),
    nextAttemptAt: number(record.nextAttemptAt),
    version: number(record.version),
    ...optionalNumber('lastAttemptAt', record.lastAttemptAt),
    ...optionalNumber('uncertainSince', record.uncertainSince),
    ...optionalNumber('carriedInto', record.carriedInto),
    ...(record.reason !== undefined && { reason: text(record.reason) }),
    // What has come to its end is in no queue.
    ...(record.state !== 'sent' &&
      record.state !== 'carried' && { queue: outboxItem.queue(record.sink, record.state) }),
  }),

  toRecord: (item: DynamodbItem): OutboxRecord => ({
    id: readText(item, 'id'),
    sink: readText(item, 'sink'),
    tenant: readText(item, 'tenant'),
    customer: readText(item, 'customer'),
    meter: readText(item, 'meter'),
    hour: readNumber(item, 'hour'),
    sequence: readNumber(item, 'sequence'),
    quantity: readBigint(item, 'quantity'),
    state: readText(item, 'state') as DeliveryState,
    attempts: readNumber(item, 'attempts'),
    lastAttemptAt: readOptionalNumber(item, 'lastAttemptAt'),
    nextAttemptAt: readNumber(item, 'nextAttemptAt'),
    uncertainSince: readOptionalNumber(item, 'uncertainSince'),
    reason: optionalText(item, 'reason'),
    carriedInto: readOptionalNumber(item, 'carriedInto'),
    version: readNumber(item, 'version'),
  }),
}

const optionalNumber = (name: string, value: number | undefined): DynamodbItem =>
  value === undefined ? {} : { [name]: number(value) }

const readOptionalNumber = (item: DynamodbItem, name: string) =>
  item[name] && readNumber(item, name)

/** Joined so that no name can pretend to be two. */
const words = (...parts: readonly string[]) =>
  parts.map((word) => word.replaceAll('%', '%25').replaceAll('#', '%23')).join('#')

/** Sixteen digits hold every safe integer. */
const digits = (time: number) => String(Math.max(time, 0)).padStart(16, '0')

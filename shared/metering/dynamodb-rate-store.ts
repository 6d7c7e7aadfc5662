import { type DynamodbClient, DynamodbRefusal } from '#shared/aws/dynamodb-client.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { RateOutcome, RateStep, RateStore } from './rate-store.ts'

export interface DynamodbRateStoreOptions {
  readonly client: DynamodbClient
  /** The ledger's table. */
  readonly table: string
}

/**
 * Buckets as items. A condition expression knows no arithmetic, so a step is up to three conditional
 * updates: move on a bucket that is ahead, restart one that is absent or past, else refuse. One is
 * usual; a race between the first two is run again.
 */
export function createDynamodbRateStore({ client, table }: DynamodbRateStoreOptions): RateStore {
  return {
    async step(bucket, step) {
      for (let attempt = 0; attempt < 3; attempt += 1) {
        const outcome = (await moveOn(bucket, step)) ?? (await restart(bucket, step))
        if (outcome) return outcome
        const arrivalMs = await arrivalOf(bucket)
        if (arrivalMs > step.now + step.toleranceMs) return { admitted: false, arrivalMs }
      }
      throw new ServiceError('store_unavailable', { detail: 'A rate bucket is contended.' })
    },
  }

  /** The bucket is ahead of now, but not too far. */
  function moveOn(bucket: string, { now, intervalMs, toleranceMs }: RateStep) {
    return update(bucket, {
      UpdateExpression: 'SET arrival = arrival + :interval, purgeAt = :purgeAt',
      ConditionExpression: 'arrival >= :now AND arrival <= :most',
      ExpressionAttributeValues: {
        ':interval': number(intervalMs),
        ':now': number(now),
        ':most': number(now + toleranceMs),
        ':purgeAt': number(purgeAt(now)),
      },
    })
  }

  /** The bucket is absent, or full again. */
  function restart(bucket: string, { now, intervalMs }: RateStep) {
    return update(bucket, {
      UpdateExpression: 'SET arrival = :next, purgeAt = :purgeAt',
      ConditionExpression: 'attribute_not_exists(arrival) OR arrival < :now',
      ExpressionAttributeValues: {
        ':next': number(now + intervalMs),
        ':now': number(now),
        ':purgeAt': number(purgeAt(now)),
      },
    })
  }

  async function update(bucket: string, how: object): Promise<RateOutcome | undefined> {
    try {
      const input = { TableName: table, Key: keyOf(bucket), ReturnValues: 'UPDATED_NEW', ...how }
      const { Attributes } = await client.call('UpdateItem', input)
      return { admitted: true, arrivalMs: numberOf(Attributes?.arrival) }
    } catch (thrown) {
      if (thrown instanceof DynamodbRefusal) return undefined
      throw thrown
    }
  }

  async function arrivalOf(bucket: string): Promise<number> {
    const input = { TableName: table, Key: keyOf(bucket), ConsistentRead: true }
    return numberOf((await client.call('GetItem', input)).Item?.arrival)
  }
}

const keyOf = (bucket: string) => ({ pk: { S: `RATE#${bucket}` }, sk: { S: 'RATE' } })
const number = (value: number) => ({ N: String(value) })
const numberOf = (value: object | undefined) => Number(value && 'N' in value ? value.N : 0)
/** Seconds: an hour after its last use a bucket is full again in any case. */
const purgeAt = (now: number) => Math.ceil(now / 1_000) + 3_600

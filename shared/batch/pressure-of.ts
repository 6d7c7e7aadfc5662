import type { ErrorCode } from '#shared/errors/error-codes.ts'
import type { Pressure } from './batch-services.ts'

const pressures: Readonly<Partial<Record<ErrorCode, Pressure>>> = {
  // 503 and SlowDown of S3, throughput that DynamoDB refuses, a SQLite file that stays busy.
  store_unavailable: 'throttled',
  concurrency_exceeded: 'held',
}

/** Whether an error says that too much is done at a time. */
export const pressureOf = (code: ErrorCode): Pressure | undefined => pressures[code]

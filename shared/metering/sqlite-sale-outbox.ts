import type { SQLOutputValue } from 'node:sqlite'
import { ServiceError } from '#shared/errors/service-error.ts'
import { openSqliteDatabase } from '#shared/sqlite/sqlite-database.ts'
import type { SaleOutbox, SoldCall } from './sale-outbox.ts'

export interface SqliteSaleOutboxOptions {
  /** A file of its own: the ledger's may be the one that fails. */
  readonly path: string
  /** How many calls may wait. */
  readonly mostCalls?: number
}

const migrations = [
  `CREATE TABLE sold_calls (
    place INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    request_key TEXT NOT NULL,
    pointer TEXT,
    pointer_until INTEGER,
    call TEXT NOT NULL, -- JSON without the body of the answer, big integers as strings
    body BLOB NOT NULL,
    UNIQUE (tenant, request_key)
  ) STRICT;
  CREATE INDEX sold_calls_by_pointer ON sold_calls (tenant, pointer) WHERE pointer IS NOT NULL;`,
]

/** Sold calls in one SQLite file. Each is on disk before its answer leaves. */
export function createSqliteSaleOutbox(options: SqliteSaleOutboxOptions): SaleOutbox {
  const { path, mostCalls = 1_000 } = options
  const database = guard(() => openSqliteDatabase({ path, migrations }))
  const count = 'SELECT count(*) AS calls FROM sold_calls'
  const insert = database.prepare(
    `INSERT INTO sold_calls (tenant, request_key, pointer, pointer_until, call, body)
     SELECT ?, ?, ?, ?, ?, ? WHERE (${count}) < ?`,
  )
  const counted = database.prepare(count)
  const retried = database.prepare(
    `SELECT * FROM sold_calls WHERE tenant = ? AND pointer = ? AND pointer_until > ?
     ORDER BY place DESC LIMIT 1`,
  )
  const first = database.prepare('SELECT * FROM sold_calls ORDER BY place LIMIT ?')
  const remove = database.prepare('DELETE FROM sold_calls WHERE tenant = ? AND request_key = ?')

  return {
    put: async ({ tenant, requestKey, retryPointer, ...call }) =>
      guard(() => {
        const { body, ...answer } = call.answer
        const text = JSON.stringify({ ...call, answer, retryPointer }, writeBigint)
        const { key = null, until = null } = retryPointer ?? {}
        const { changes } = insert.run(tenant, requestKey, key, until, text, body, mostCalls)
        return changes === 1
      }),
    isFull: async () => guard(() => Number(counted.get()?.calls) >= mostCalls),
    findRetried: async (...asked) =>
      guard(() => {
        const row = retried.get(...asked)
        return row && toCall(row)
      }),
    oldest: async (limit) => guard(() => first.all(limit).map(toCall)),
    remove: async ({ tenant, requestKey }) => guard(() => void remove.run(tenant, requestKey)),
    close: async () => database.close(),
  }
}

function toCall(row: Record<string, SQLOutputValue>): SoldCall {
  const call = JSON.parse(row.call as string)
  return {
    ...call,
    tenant: row.tenant as string,
    requestKey: row.request_key as string,
    hold: BigInt(call.hold),
    charge: BigInt(call.charge),
    sale: { ...call.sale, project: call.sale.project },
    answer: { ...call.answer, body: row.body as Uint8Array },
    retryPointer: call.retryPointer,
  }
}

const writeBigint = (_: string, value: unknown) => (typeof value === 'bigint' ? `${value}` : value)

function guard<Result>(work: () => Result): Result {
  try {
    return work()
  } catch (cause) {
    throw new ServiceError('store_unavailable', { cause })
  }
}

import type { SQLOutputValue } from 'node:sqlite'
import { openSqliteDatabase } from '#shared/sqlite/sqlite-database.ts'
import { guard } from '#shared/sqlite/sqlite-guard.ts'
import type { SaleOutbox } from './sale-outbox.ts'
import { readSoldCall, writeSoldCall } from './sold-call-json.ts'

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
    call TEXT NOT NULL, -- sold-call-json.ts
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
  const next = database.prepare('SELECT * FROM sold_calls WHERE place > ? ORDER BY place LIMIT 1')
  const remove = database.prepare('DELETE FROM sold_calls WHERE tenant = ? AND request_key = ?')

  return {
    put: async (call) =>
      guard(() => {
        const { tenant, requestKey, retryPointer } = call
        const { key = null, until = null } = retryPointer ?? {}
        const row = [tenant, requestKey, key, until, writeSoldCall(call), call.answer.body] as const
        return insert.run(...row, mostCalls).changes === 1
      }),
    isFull: async () => guard(() => Number(counted.get()?.calls) >= mostCalls),
    findRetried: async (...asked) =>
      guard(() => {
        const row = retried.get(...asked)
        return row && toCall(row)
      }),
    async *waiting() {
      for (let place: SQLOutputValue = 0; ; ) {
        const row = guard(() => next.get(place))
        if (!row) return
        yield toCall(row)
        place = row.place ?? 0
      }
    },
    remove: async ({ tenant, requestKey }) => guard(() => void remove.run(tenant, requestKey)),
    close: async () => database.close(),
  }
}

const toCall = ({ call, body }: Record<string, SQLOutputValue>) =>
  readSoldCall(call as string, body as Uint8Array)

import type { SQLOutputValue } from 'node:sqlite'
import { openSqliteDatabase, type SqliteFileOptions } from '#shared/sqlite/sqlite-database.ts'
import { guard } from '#shared/sqlite/sqlite-guard.ts'
import { type DeliveryState, type Outbox, type OutboxRecord, undelivered } from './outbox.ts'

// Times are in milliseconds since 1970. What is frozen stays so, whoever asks.
const migrations = [
  `CREATE TABLE records (
    id TEXT PRIMARY KEY,
    sink TEXT NOT NULL,
    tenant TEXT NOT NULL,
    customer TEXT NOT NULL,
    meter TEXT NOT NULL,
    hour INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    quantity INTEGER NOT NULL CHECK (quantity > 0),
    state TEXT NOT NULL
      CHECK (state IN ('pending', 'sent', 'failed', 'needs-reconciliation', 'carried')),
    attempts INTEGER NOT NULL,
    last_attempt_at INTEGER,
    next_attempt_at INTEGER NOT NULL,
    uncertain_since INTEGER,
    reason TEXT,
    carried_into INTEGER,
    version INTEGER NOT NULL,
    CHECK ((state = 'carried') = (carried_into IS NOT NULL)),
    UNIQUE (sink, tenant, meter, hour, sequence)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX records_by_hour ON records (sink, tenant, hour);
  CREATE INDEX records_carried ON records (sink, tenant, carried_into)
    WHERE carried_into IS NOT NULL;
  CREATE INDEX records_by_state ON records (sink, state, next_attempt_at)
    WHERE state IN ('pending', 'failed', 'needs-reconciliation');
  CREATE TRIGGER records_are_frozen
    BEFORE UPDATE OF id, sink, tenant, customer, meter, hour, sequence, quantity ON records
    BEGIN SELECT RAISE(ABORT, 'records are frozen'); END;
  CREATE TRIGGER records_never_go BEFORE DELETE ON records
    BEGIN SELECT RAISE(ABORT, 'records never go'); END;

  CREATE TABLE cursors (
    sink TEXT NOT NULL,
    tenant TEXT NOT NULL,
    hour INTEGER NOT NULL,
    PRIMARY KEY (sink, tenant)
  ) STRICT, WITHOUT ROWID;`,
]

/** The outbox in one SQLite file, shared by any number of processes of one machine. */
export function createSqliteOutbox(options: SqliteFileOptions): Outbox {
  const database = guard(() => openSqliteDatabase({ ...options, migrations }))
  const prepare = (sql: string) => {
    const statement = database.prepare(sql)
    statement.setReadBigInts(true)
    return statement
  }
  const statements = {
    add: prepare(
      `INSERT INTO records (id, sink, tenant, customer, meter, hour, sequence, quantity,
         state, attempts, next_attempt_at, version)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'pending', 0, ?, 0) ON CONFLICT (id) DO NOTHING`,
    ),
    records: prepare(
      `SELECT * FROM records WHERE sink = $sink AND tenant = $tenant
         AND (hour >= $from AND hour < $to OR carried_into >= $from AND carried_into < $to)
       ORDER BY hour, meter, sequence`,
    ),
    list: prepare(
      `SELECT * FROM records WHERE sink = ? AND state = ? AND next_attempt_at <= ?
         AND state IN ('pending', 'failed', 'needs-reconciliation')
       ORDER BY next_attempt_at, id LIMIT ?`,
    ),
    mark: prepare(
      `UPDATE records SET state = ?, attempts = ?, last_attempt_at = ?, next_attempt_at = ?,
         uncertain_since = ?, reason = ?, carried_into = ?, version = version + 1
       WHERE id = ? AND version = ?`,
    ),
    cursor: prepare('SELECT hour FROM cursors WHERE sink = ? AND tenant = ?'),
    advance: prepare(
      `INSERT INTO cursors (sink, tenant, hour) VALUES (?, ?, ?)
       ON CONFLICT (sink, tenant) DO UPDATE SET hour = max(hour, excluded.hour)`,
    ),
  }

  return {
    add: async ({ id, sink, tenant, customer, meter, hour, sequence, quantity }) =>
      guard(() => {
        const identity = [id, sink, tenant, customer, meter, hour, sequence, quantity]
        return statements.add.run(...identity, undelivered.nextAttemptAt).changes === 1n
      }),

    records: async ({ sink, tenant, from, to }) =>
      guard(() => statements.records.all({ sink, tenant, from, to }).map(toRecord)),

    list: async ({ sink, state, until = Number.MAX_SAFE_INTEGER, limit }) =>
      guard(() => statements.list.all(sink, state, until, limit).map(toRecord)),

    mark: async (record, change) =>
      guard(() => {
        const marked = { ...record, ...change, version: record.version + 1 }
        const { changes } = statements.mark.run(
          marked.state,
          marked.attempts,
          marked.lastAttemptAt ?? null,
          marked.nextAttemptAt,
          marked.uncertainSince ?? null,
          marked.reason ?? null,
          marked.carriedInto ?? null,
          record.id,
          record.version,
        )
        return changes === 1n ? marked : undefined
      }),

    cursor: async (sink, tenant) =>
      guard(() => toOptionalNumber(statements.cursor.get(sink, tenant)?.hour)),
    advance: async (sink, tenant, hour) =>
      guard(() => void statements.advance.run(sink, tenant, hour)),
    close: async () => database.close(),
  }
}

const toRecord = (row: Record<string, SQLOutputValue>): OutboxRecord => ({
  id: row.id as string,
  sink: row.sink as string,
  tenant: row.tenant as string,
  customer: row.customer as string,
  meter: row.meter as string,
  hour: Number(row.hour),
  sequence: Number(row.sequence),
  quantity: row.quantity as bigint,
  state: row.state as DeliveryState,
  attempts: Number(row.attempts),
  lastAttemptAt: toOptionalNumber(row.last_attempt_at),
  nextAttemptAt: Number(row.next_attempt_at),
  uncertainSince: toOptionalNumber(row.uncertain_since),
  reason: (row.reason as string | null) ?? undefined,
  carriedInto: toOptionalNumber(row.carried_into),
  version: Number(row.version),
})

const toOptionalNumber = (value: SQLOutputValue | undefined) =>
  value === null || value === undefined ? undefined : Number(value)

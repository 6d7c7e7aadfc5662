/**
 * The file of calls that were put off. A call is a JSON text; the columns beside it are what it is
 * looked for by. Times are in milliseconds since 1970.
 */
export const jobMigrations: readonly string[] = [
  `CREATE TABLE calls (
    id TEXT PRIMARY KEY,
    revision INTEGER NOT NULL,
    tenant TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    call TEXT NOT NULL,
    attention_at INTEGER NOT NULL,
    -- Of what has not ended.
    lane TEXT,
    turn TEXT,
    ready_at INTEGER,
    -- Of what has succeeded.
    model TEXT,
    ended_at INTEGER,
    run_ms INTEGER
  ) STRICT;
  CREATE INDEX calls_of_tenant ON calls (tenant, created_at, id);
  CREATE INDEX calls_waiting ON calls (lane, tenant, turn) WHERE lane IS NOT NULL;
  CREATE INDEX calls_due ON calls (attention_at);
  CREATE INDEX runs_of_model ON calls (model, ended_at) WHERE model IS NOT NULL;

  CREATE TABLE webhook_secrets (
    tenant TEXT PRIMARY KEY,
    revision INTEGER NOT NULL,
    secrets TEXT NOT NULL
  ) STRICT;`,
]

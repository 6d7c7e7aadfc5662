/**
 * One file for jobs and queues, so that one log and one wait for the disk serve them all. Times are
 * in milliseconds since 1970, money in micros.
 */
export const batchMigrations: readonly string[] = [
  `CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('input', 'call')),
    ordered TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    state TEXT NOT NULL,
    times TEXT NOT NULL,
    chunks INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    done_chunks INTEGER NOT NULL,
    done_bytes INTEGER NOT NULL,
    done_results INTEGER NOT NULL,
    done_errors INTEGER NOT NULL,
    done_charge INTEGER NOT NULL,
    problems TEXT NOT NULL,
    outputs TEXT NOT NULL
  ) STRICT;
  CREATE INDEX jobs_of_tenant ON jobs (tenant, created_at, id);
  CREATE INDEX jobs_unfinished ON jobs (changed_at)
    WHERE state NOT IN ('published', 'cancelled', 'expired', 'failed');

  CREATE TABLE chunks (
    job TEXT NOT NULL,
    chunk INTEGER NOT NULL,
    report TEXT NOT NULL,
    PRIMARY KEY (job, chunk)
  ) STRICT, WITHOUT ROWID;

  -- An id is never used again, so that the receipt of a message never names another one.
  CREATE TABLE messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    queue TEXT NOT NULL,
    tenant TEXT NOT NULL,
    body TEXT NOT NULL,
    visible_at INTEGER NOT NULL,
    receives INTEGER NOT NULL DEFAULT 0,
    -- 1 once it was delivered as often as it may be: when it is visible again it is dead.
    spent INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE INDEX messages_of_tenant ON messages (queue, tenant, spent, visible_at, id);
  CREATE INDEX messages_spent ON messages (queue, visible_at) WHERE spent = 1;

  -- Who was served when: the one that waits longest comes next.
  CREATE TABLE turns (
    queue TEXT NOT NULL,
    tenant TEXT NOT NULL,
    turn INTEGER NOT NULL,
    PRIMARY KEY (queue, tenant)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX turns_in_order ON turns (queue, turn);`,

  // What a job's cap was raised to.
  'ALTER TABLE jobs ADD COLUMN raised_charge INTEGER;',

  // How long it was paused; how far it was when, by slot.
  `ALTER TABLE jobs ADD COLUMN rest TEXT;
  ALTER TABLE jobs ADD COLUMN marks TEXT NOT NULL DEFAULT '{}';`,
]

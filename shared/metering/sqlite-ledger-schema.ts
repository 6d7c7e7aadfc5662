/**
 * What brings the ledger's schema from version n to n + 1. The database refuses by itself what must
 * never be: a negative balance, a second charge, a changed entry.
 *
 * Money is in micros, time in milliseconds since 1970; lists and records are JSON with their big
 * integers as strings.
 */
export const ledgerMigrations = [
  `CREATE TABLE accounts (
    tenant TEXT PRIMARY KEY,
    currency TEXT NOT NULL,
    mode TEXT NOT NULL CHECK (mode IN ('prepaid', 'postpaid')),
    limits TEXT NOT NULL,
    available INTEGER NOT NULL DEFAULT 0 CHECK (available >= 0),
    held INTEGER NOT NULL DEFAULT 0 CHECK (held >= 0),
    spent INTEGER NOT NULL DEFAULT 0 CHECK (spent >= 0)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE counters (
    id TEXT PRIMARY KEY,
    used INTEGER NOT NULL CHECK (used >= 0)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE requests (
    tenant TEXT NOT NULL,
    request_key TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('reserved', 'done', 'void', 'rejected')),
    fingerprint TEXT NOT NULL,
    fence TEXT NOT NULL,
    taken_over INTEGER NOT NULL, -- whether the stored fence came by a takeover
    lease_until INTEGER NOT NULL,
    mode TEXT NOT NULL, -- of the account at the time of the hold, which returns where it came from
    hold INTEGER NOT NULL CHECK (hold >= 0),
    counters TEXT NOT NULL,
    sale TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    charge INTEGER CHECK (charge BETWEEN 0 AND hold),
    answer_status INTEGER,
    answer_headers TEXT,
    answer_body BLOB, -- either this or the file
    answer_file TEXT,
    answer_expires_at INTEGER,
    forget_at INTEGER,
    PRIMARY KEY (tenant, request_key),
    CHECK ((state = 'done') = (charge IS NOT NULL)),
    CHECK ((state IN ('done', 'rejected')) = (answer_status IS NOT NULL)),
    CHECK ((answer_body IS NOT NULL) + (answer_file IS NOT NULL) = (answer_status IS NOT NULL)),
    CHECK ((state = 'reserved') = (forget_at IS NULL))
  ) STRICT;
  CREATE INDEX requests_by_lease ON requests (lease_until) WHERE state = 'reserved';
  CREATE INDEX requests_to_forget ON requests (forget_at) WHERE forget_at IS NOT NULL;

  CREATE TABLE retry_pointers (
    tenant TEXT NOT NULL,
    pointer TEXT NOT NULL,
    request_key TEXT NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (tenant, pointer)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX retry_pointers_to_forget ON retry_pointers (until);

  CREATE TABLE entries (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL, -- of a charge the request key: with the UNIQUE below at most one, for ever
    type TEXT NOT NULL
      CHECK (type IN ('charge', 'void', 'rejection', 'topup', 'refund', 'expiry')),
    amount INTEGER NOT NULL CHECK (amount >= 0),
    currency TEXT NOT NULL,
    at INTEGER NOT NULL,
    sale TEXT,
    units TEXT NOT NULL,
    reference TEXT,
    credit_expires_at INTEGER,
    PRIMARY KEY (tenant, at, id),
    UNIQUE (tenant, id),
    CHECK (type NOT IN ('void', 'rejection') OR amount = 0)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX entries_refunds ON entries (tenant, reference) WHERE type = 'refund';
  CREATE TRIGGER entries_never_change BEFORE UPDATE ON entries
    BEGIN SELECT RAISE(ABORT, 'ledger entries never change'); END;
  CREATE TRIGGER entries_never_go BEFORE DELETE ON entries
    BEGIN SELECT RAISE(ABORT, 'ledger entries never go'); END;`,

  'ALTER TABLE accounts ADD COLUMN trusted INTEGER NOT NULL DEFAULT 0 CHECK (trusted IN (0, 1))',

  // Of top-ups, refunds and expiries; those from before have none.
  'ALTER TABLE entries ADD COLUMN spent_before INTEGER CHECK (spent_before >= 0)',

  `ALTER TABLE accounts ADD COLUMN metering TEXT NOT NULL DEFAULT 'strict'
    CHECK (metering IN ('strict', 'single-write', 'leased'))`,

  // Kept for a ledger that moves to DynamoDB; here there is one balance.
  'ALTER TABLE accounts ADD COLUMN shards INTEGER NOT NULL DEFAULT 1 CHECK (shards BETWEEN 1 AND 64)',
]

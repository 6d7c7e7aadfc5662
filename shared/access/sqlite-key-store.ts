import { openSqliteDatabase, type SqliteFileOptions } from '#shared/sqlite/sqlite-database.ts'
import { guard } from '#shared/sqlite/sqlite-guard.ts'
import { keyLimits } from './key-limits.ts'
import type { KeyChanges, KeyRecord, KeyStore, KeySummary } from './key-store.ts'
import { isScope } from './scopes.ts'

const migrations = [
  `CREATE TABLE keys (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    mode TEXT NOT NULL CHECK (mode IN ('live', 'test')),
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    scopes TEXT NOT NULL, -- separated by spaces, as OAuth writes them
    created_at INTEGER NOT NULL, -- this and the next two: milliseconds since 1970
    expires_at INTEGER,
    revoked_at INTEGER
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX keys_by_tenant ON keys (tenant, created_at, id);`,
  // Limits and models are JSON, as key-limits.ts writes it.
  `ALTER TABLE keys ADD COLUMN project TEXT;
  ALTER TABLE keys ADD COLUMN limits TEXT;
  ALTER TABLE keys ADD COLUMN models TEXT;
  ALTER TABLE keys ADD COLUMN last_four TEXT;`,
  `ALTER TABLE keys ADD COLUMN allowed_ips TEXT; -- JSON
  ALTER TABLE keys ADD COLUMN counted_as TEXT;
  ALTER TABLE keys ADD COLUMN pepper_id TEXT;`,
]

const summaryColumns = `id, tenant, name, mode, scopes, created_at, expires_at, revoked_at,
  project, limits, models, last_four, allowed_ips, counted_as, pepper_id`

/** Keys in one SQLite file, shared by any number of processes of one machine. */
export function createSqliteKeyStore(options: SqliteFileOptions): KeyStore & {
  close(): void
} {
  const database = guard(() => openSqliteDatabase({ ...options, migrations }))
  const statements = {
    insert: database.prepare(
      `INSERT INTO keys (${summaryColumns}, hash) 
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO NOTHING`,
    ),
    find: database.prepare(`SELECT ${summaryColumns}, hash FROM keys WHERE id = ?`),
    list: database.prepare(
      `SELECT ${summaryColumns} FROM keys WHERE tenant = ? ORDER BY created_at, id`,
    ),
    change: database.prepare(
      `UPDATE keys SET limits = iif(?, ?, limits), models = iif(?, ?, models),
         allowed_ips = iif(?, ?, allowed_ips), expires_at = coalesce(?, expires_at)
       WHERE id = ? RETURNING ${summaryColumns}`,
    ),
    revoke: database.prepare(
      `UPDATE keys SET revoked_at = coalesce(revoked_at, ?) WHERE id = ? RETURNING ${summaryColumns}`,
    ),
  }
  const find = (id: string) => {
    const row = statements.find.get(id) as unknown as (KeyRow & { hash: Uint8Array }) | undefined
    return row && { ...toSummary(row), hash: row.hash }
  }

  return {
    put: async (record) =>
      guard(() => {
        const { changes } = statements.insert.run(...toValues(record))
        return (
          changes === 1 || Buffer.from(record.hash).equals(find(record.id)?.hash ?? Buffer.of())
        )
      }),
    find: async (id) => guard(() => find(id)),
    list: async (tenant) =>
      guard(() => (statements.list.all(tenant) as unknown as KeyRow[]).map(toSummary)),
    change: async (id, changes) =>
      guard(() => {
        const row = statements.change.get(...toChange(changes), id) as unknown as KeyRow | undefined
        return row && toSummary(row)
      }),
    revoke: async (id, at) =>
      guard(() => {
        const row = statements.revoke.get(at, id) as unknown as KeyRow | undefined
        return row && toSummary(row)
      }),
    close: () => database.close(),
  }
}

interface KeyRow {
  id: string
  tenant: string
  name: string
  mode: 'live' | 'test'
  scopes: string
  created_at: number
  expires_at: number | null
  revoked_at: number | null
  project: string | null
  limits: string | null
  models: string | null
  last_four: string | null
  allowed_ips: string | null
  counted_as: string | null
  pepper_id: string | null
}

const toValues = (record: KeyRecord) => [
  record.id,
  record.tenant,
  record.name,
  record.mode,
  record.scopes.join(' '),
  record.createdAt,
  record.expiresAt ?? null,
  record.revokedAt ?? null,
  record.project ?? null,
  record.limits ? keyLimits.write(record.limits) : null,
  record.models ? JSON.stringify(record.models) : null,
  record.lastFour ?? null,
  record.allowedIps ? JSON.stringify(record.allowedIps) : null,
  record.countedAs ?? null,
  record.pepperId ?? null,
  record.hash,
]

/** Whether each column changes, and to what. */
const toChange = ({ limits, models, allowedIps, expiresAt }: KeyChanges) => [
  limits === undefined ? 0 : 1,
  limits ? keyLimits.write(limits) : null,
  models === undefined ? 0 : 1,
  models ? JSON.stringify(models) : null,
  allowedIps === undefined ? 0 : 1,
  allowedIps ? JSON.stringify(allowedIps) : null,
  expiresAt ?? null,
]

const toSummary = (row: KeyRow): KeySummary => ({
  id: row.id,
  tenant: row.tenant,
  name: row.name,
  mode: row.mode,
  scopes: row.scopes.split(' ').filter(isScope),
  ...(row.project !== null && { project: row.project }),
  ...(row.limits !== null && { limits: keyLimits.read(row.limits) }),
  ...(row.models !== null && { models: JSON.parse(row.models) as string[] }),
  ...(row.last_four !== null && { lastFour: row.last_four }),
  ...(row.allowed_ips !== null && { allowedIps: JSON.parse(row.allowed_ips) as string[] }),
  ...(row.counted_as !== null && { countedAs: row.counted_as }),
  ...(row.pepper_id !== null && { pepperId: row.pepper_id }),
  createdAt: row.created_at,
  ...(row.expires_at !== null && { expiresAt: row.expires_at }),
  ...(row.revoked_at !== null && { revokedAt: row.revoked_at }),
})

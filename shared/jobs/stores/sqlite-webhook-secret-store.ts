import type { SqliteFileOptions } from '#shared/sqlite/sqlite-database.ts'
import { openSqliteStore } from '#shared/sqlite/sqlite-store.ts'
import type { WebhookSecretStore } from '../webhooks/webhook-secret-store.ts'
import { jobMigrations } from './sqlite-job-schema.ts'

/** Beside the calls, in the same file. */
export function createSqliteWebhookSecretStore(options: SqliteFileOptions): WebhookSecretStore {
  const { database, read, write, close } = openSqliteStore({
    ...options,
    migrations: jobMigrations,
  })
  const find = database.prepare('SELECT secrets FROM webhook_secrets WHERE tenant = ?')
  const put = database.prepare(
    `INSERT INTO webhook_secrets VALUES ($tenant, $revision, $secrets)
     ON CONFLICT (tenant) DO UPDATE SET revision = $revision, secrets = $secrets
     WHERE revision = $revision - 1`,
  )
  return {
    find: (tenant) =>
      read(() => {
        const row = find.get(tenant)
        return row && JSON.parse(row.secrets as string)
      }),
    replace: (tenant, secrets) =>
      write(() => {
        const { revision } = secrets
        const exists = find.get(tenant) !== undefined
        // The first of a tenant must be the first.
        if (!exists && revision !== 1) return false
        const row = { tenant, revision, secrets: JSON.stringify(secrets) }
        return put.run(row).changes === 1
      }),
    close,
  }
}

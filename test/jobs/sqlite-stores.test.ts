import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe } from 'vitest'
import { createMemoryWarmth } from '#shared/jobs/stores/memory-warmth.ts'
import { createSqliteDeferredCallStore } from '#shared/jobs/stores/sqlite-deferred-call-store.ts'
import { createSqliteWebhookSecretStore } from '#shared/jobs/stores/sqlite-webhook-secret-store.ts'
import { describeDeferredCallStore } from './deferred-call-store-contract.ts'
import { describeWarmth } from './warmth-contract.ts'
import { describeWebhookSecretStore } from './webhook-secret-store-contract.ts'

const directory = mkdtempSync(join(tmpdir(), 'percall-calls-'))
const path = join(directory, 'jobs.sqlite')
const opened: { close(): Promise<void> }[] = []
function kept<Store extends { close(): Promise<void> }>(store: Store): Store {
  opened.push(store)
  return store
}
afterAll(async () => {
  for (const store of opened) await store.close()
  rmSync(directory, { recursive: true })
})

describe('calls in SQLite', () => {
  describeDeferredCallStore(() => kept(createSqliteDeferredCallStore({ path })))
})
describe('secrets of webhooks in SQLite', () => {
  describeWebhookSecretStore(() => kept(createSqliteWebhookSecretStore({ path })))
})
describe('warm models in memory', () => {
  describeWarmth((now) => createMemoryWarmth({ now }))
})

import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { createKeyManager } from '#shared/access/manage-keys.ts'
import { createSqliteKeyStore } from '#shared/access/sqlite-key-store.ts'
import { createSqliteLedger } from '#shared/metering/sqlite-ledger.ts'
import { cacheFolder } from './cache-folder.ts'

const pepper = 'the pepper of a benchmark, not a secret'

/** A key and an account in SQLite files, and the variables under which a function finds it. */
export async function makeKey() {
  const path = cacheFolder('keys.sqlite')
  rmSync(path, { force: true })
  const keyStore = createSqliteKeyStore({ path })
  const manager = createKeyManager({ keyStore, pepper })
  const { key } = await manager.create({ name: 'bench', scopes: ['predict'], mode: 'test' })
  keyStore.close()
  const ledgerPath = cacheFolder('ledger.sqlite')
  for (const suffix of ['', '-wal', '-shm']) rmSync(ledgerPath + suffix, { force: true })
  const ledger = createSqliteLedger({ path: ledgerPath })
  await ledger.putAccount({ tenant: 'default', currency: 'USD', mode: 'postpaid', limits: {} })
  await ledger.close()
  const environment = {
    PERCALL_KEYS: path,
    PERCALL_KEY_PEPPER: pepper,
    PERCALL_LEDGER: ledgerPath,
    PERCALL_PRICES: join(import.meta.dirname, '../../../models/price-book.json'),
  }
  return { key, environment }
}

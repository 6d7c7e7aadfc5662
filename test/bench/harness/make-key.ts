import { rmSync } from 'node:fs'
import { createKeyManager } from '#shared/access/manage-keys.ts'
import { createSqliteKeyStore } from '#shared/access/sqlite-key-store.ts'
import { cacheFolder } from './cache-folder.ts'

const pepper = 'the pepper of a benchmark, not a secret'

/** A key in a SQLite file, and the variables under which a function finds it. */
export async function makeKey() {
  const path = cacheFolder('keys.sqlite')
  rmSync(path, { force: true })
  const keyStore = createSqliteKeyStore({ path })
  const manager = createKeyManager({ keyStore, pepper })
  const { key } = await manager.create({ name: 'bench', scopes: ['predict'], mode: 'test' })
  keyStore.close()
  return { key, environment: { PERCALL_KEYS: path, PERCALL_KEY_PEPPER: pepper } }
}

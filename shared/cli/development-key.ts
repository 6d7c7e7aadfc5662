import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createKeyManager } from '#shared/access/manage-keys.ts'
import type { Environment } from '#shared/config/environment.ts'
import type { LocalServices } from '#shared/endpoints/local-services.ts'
import { ServiceError } from '#shared/errors/service-error.ts'

/** All that a developer calls; `admin`, which reaches beyond one's own, is asked for by hand. */
const scopes = ['predict', 'models:read', 'account:read', 'account:write']

const keyFile = ({ PERCALL_HOME }: Environment) => join(PERCALL_HOME, 'development-key')

export interface DevelopmentKey {
  readonly key: string
  /** For people: where the key came from. */
  readonly source: string
}

/**
 * The key of this machine's developer: `PERCALL_DEV_KEY`, or else one that is made at the first
 * start and kept in the data folder, in a file for its owner alone. One that was revoked, or whose
 * key store is gone, is replaced.
 */
export async function developmentKey(
  { authenticate, keyStore, pepper }: LocalServices,
  environment: Environment,
): Promise<DevelopmentKey> {
  const { PERCALL_DEV_KEY } = environment
  if (PERCALL_DEV_KEY !== undefined) return { key: PERCALL_DEV_KEY, source: 'from PERCALL_DEV_KEY' }
  const path = keyFile(environment)
  const kept = readDevelopmentKey(environment)
  if (kept !== undefined && (await isAccepted(kept))) return { key: kept, source: `from ${path}` }

  const manager = createKeyManager({ keyStore, pepper })
  const { key } = await manager.create({ name: 'development', scopes, mode: 'test' })
  rmSync(path, { force: true })
  writeFileSync(path, `${key}\n`, { mode: 0o600, flag: 'wx' })
  return { key, source: `made now, kept in ${path}` }

  async function isAccepted(key: string): Promise<boolean> {
    try {
      await authenticate({ apiKey: key })
      return true
    } catch (thrown) {
      if (ServiceError.from(thrown).status === 401) return false
      throw thrown
    }
  }
}

/** The key that an earlier `percall dev` made, if there was one. */
export function readDevelopmentKey(environment: Environment): string | undefined {
  try {
    return readFileSync(keyFile(environment), 'utf8').trim() || undefined
  } catch {
    return undefined
  }
}

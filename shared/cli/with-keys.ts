import { join } from 'node:path'
import { createKeyManager } from '#shared/access/manage-keys.ts'
import { readPepperFile } from '#shared/access/pepper-file.ts'
import type { Environment } from '#shared/config/environment.ts'
import { openKeyStore } from '#shared/endpoints/open-key-store.ts'

type KeyManager = ReturnType<typeof createKeyManager>

/** Does something with the keys of this machine, or of the table that `PERCALL_KEYS` names. */
export async function withKeys<Result>(
  environment: Environment,
  use: (manager: KeyManager) => Promise<Result>,
  { tenant = 'default' }: { readonly tenant?: string } = {},
): Promise<Result> {
  const { PERCALL_KEY_PEPPER, PERCALL_HOME } = environment
  const pepper = PERCALL_KEY_PEPPER ?? readPepperFile(join(PERCALL_HOME, 'pepper'))
  const keyStore = await openKeyStore(environment)
  try {
    return await use(createKeyManager({ keyStore, pepper, tenant }))
  } finally {
    keyStore.close?.()
  }
}

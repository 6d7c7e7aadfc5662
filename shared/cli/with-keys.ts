import { createKeyManager } from '#shared/access/manage-keys.ts'
import { readPeppers } from '#shared/access/read-peppers.ts'
import type { Environment } from '#shared/config/environment.ts'
import { openKeyStore } from '#shared/endpoints/open-key-store.ts'

type KeyManager = ReturnType<typeof createKeyManager>

/** Does something with the keys of this machine, or of the table that `PERCALL_KEYS` names. */
export async function withKeys<Result>(
  environment: Environment,
  use: (manager: KeyManager) => Promise<Result>,
  { tenant = 'default' }: { readonly tenant?: string } = {},
): Promise<Result> {
  const peppers = readPeppers(environment)
  const keyStore = await openKeyStore(environment)
  try {
    return await use(createKeyManager({ keyStore, ...peppers, tenant }))
  } finally {
    keyStore.close?.()
  }
}

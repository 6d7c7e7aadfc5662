import { ServiceError } from '#shared/errors/service-error.ts'
import { developer } from './authenticate.ts'
import type { Caller } from './caller.ts'
import { keyCaller } from './key-caller.ts'
import type { KeyStore } from './key-store.ts'

export interface CallerNowOptions {
  readonly keyStore: Pick<KeyStore, 'find'>
  readonly now?: () => number
}

/**
 * Somebody who asked before, with what his key allows now. Who came with a token has no key that
 * could be looked up: it was good when he asked.
 *
 * @throws ServiceError `api_key_unknown`, `api_key_revoked`, `api_key_expired`
 */
export async function callerNow(
  caller: Caller,
  { keyStore, now = Date.now }: CallerNowOptions,
): Promise<Caller> {
  if (caller.method === 'jwt' || caller.keyId === developer.keyId) return caller
  const record = await keyStore.find(caller.keyId)
  if (!record) throw new ServiceError('api_key_unknown')
  return keyCaller(record, now())
}

import { ServiceError } from '#shared/errors/service-error.ts'
import { developer } from './authenticate.ts'
import type { Caller } from './caller.ts'
import { keyCaller } from './key-caller.ts'
import type { KeyStore } from './key-store.ts'

export interface CallerNowOptions {
  readonly keyStore: Pick<KeyStore, 'find'>
  /** When he asked. */
  readonly askedAt: number
}

/**
 * Somebody who asked before, with what his key allows now. Whoever revokes a key wants that nothing
 * happens with it any more; one that has expired since was good when he asked, as was the token of who
 * came with one: it has no record that could be looked up.
 *
 * @throws ServiceError `api_key_unknown`, `api_key_revoked`, `api_key_expired`
 */
export async function callerNow(
  caller: Caller,
  { keyStore, askedAt }: CallerNowOptions,
): Promise<Caller> {
  if (caller.method === 'jwt' || caller.keyId === developer.keyId) return caller
  const record = await keyStore.find(caller.keyId)
  if (!record) throw new ServiceError('api_key_unknown')
  return keyCaller(record, askedAt)
}

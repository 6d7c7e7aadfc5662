import { randomBytes } from 'node:crypto'
import { ServiceError } from '#shared/errors/service-error.ts'
import { hashApiKey, type KeyMode, mintApiKey } from './api-key.ts'
import type { KeyStore, KeySummary } from './key-store.ts'
import { parseScopes } from './scopes.ts'

export interface KeyManagerOptions {
  readonly keyStore: KeyStore
  readonly pepper: string
  /** Whose keys these are. The keys of others are neither seen nor touched. */
  readonly tenant?: string
  readonly now?: () => number
  readonly newRandomBytes?: (size: number) => Uint8Array
}

export interface NewKey {
  readonly name: string
  readonly scopes: readonly string[]
  readonly mode: KeyMode
  /** Without it the key is good until it is revoked. */
  readonly expiresInDays?: number | undefined
}

const namePattern = /^[\p{L}\p{N}][\p{L}\p{N} ._@-]{0,63}$/u
const longestLifeDays = 3_650
const dayMs = 24 * 60 * 60 * 1_000
const maxMints = 5

/** What the owner of keys does with them. */
export function createKeyManager(options: KeyManagerOptions) {
  const { keyStore, pepper, tenant = 'default', now = Date.now } = options
  const { newRandomBytes = randomBytes } = options

  return {
    /**
     * Makes a key. Its text is in this answer and nowhere else.
     * @throws ServiceError `parameter_invalid`, `store_unavailable`
     */
    async create(wanted: NewKey): Promise<{ key: string; summary: KeySummary }> {
      const { name, mode, expiresInDays } = checked(wanted)
      const createdAt = now()
      for (let mints = 0; mints < maxMints; mints += 1) {
        const { key, id } = mintApiKey({ mode, newRandomBytes })
        const summary: KeySummary = {
          id,
          tenant,
          name,
          mode,
          scopes: parseScopes(wanted.scopes),
          createdAt,
          ...(expiresInDays !== undefined && { expiresAt: createdAt + expiresInDays * dayMs }),
        }
        // An id is 48 bits, so one in use is met now and then where there are millions of keys.
        if (await keyStore.put({ ...summary, hash: hashApiKey(key, pepper) })) {
          return { key, summary }
        }
      }
      throw new ServiceError('internal', { cause: new Error('No free key id was found.') })
    },

    /** The tenant's keys, oldest first. */
    list: (): Promise<KeySummary[]> => keyStore.list(tenant),

    /**
     * Revokes a key, which stops working everywhere within seconds. Doing so again changes nothing.
     * @throws ServiceError `key_not_found`, also where it is another tenant's
     */
    async revoke(id: string): Promise<KeySummary> {
      const owned = (await keyStore.find(id))?.tenant === tenant
      const revoked = owned ? await keyStore.revoke(id, now()) : undefined
      if (!revoked) throw new ServiceError('key_not_found')
      return revoked
    },
  }
}

function checked(wanted: NewKey): NewKey {
  const { name, mode, expiresInDays } = wanted
  const refuse = (detail: string) => {
    throw new ServiceError('parameter_invalid', { detail })
  }
  if (!namePattern.test(name)) {
    refuse(
      'A name has 1 to 64 letters, digits, spaces and ". _ @ -", and starts with a letter or digit.',
    )
  }
  if (mode !== 'live' && mode !== 'test') refuse('The mode is "live" or "test".')
  const days = expiresInDays ?? 1
  if (!Number.isInteger(days) || days < 1 || days > longestLifeDays) {
    refuse(`A key expires in 1 to ${longestLifeDays} whole days.`)
  }
  return wanted
}

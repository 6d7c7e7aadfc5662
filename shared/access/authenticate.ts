import { timingSafeEqual } from 'node:crypto'
import { ServiceError } from '#shared/errors/service-error.ts'
import { hashApiKey, parseApiKey } from './api-key.ts'
import type { Caller } from './caller.ts'
import { keyCaller } from './key-caller.ts'
import type { KeyRecord, KeyStore } from './key-store.ts'
import { createLockout, type LockoutOptions } from './lockout.ts'
import type { Peppers } from './peppers.ts'
import { createRecentLookups, type RecentLookupsOptions } from './recent-lookups.ts'
import type { VerifyJwt } from './verify-jwt.ts'

export interface AuthenticatorOptions extends Peppers {
  readonly keyStore: Pick<KeyStore, 'find'>
  /** Without it only API keys are accepted. */
  readonly verifyJwt?: VerifyJwt | undefined
  /** A key that the developer chose, with all scopes. Never set where others can reach the service. */
  readonly developmentKey?: string | undefined
  readonly now?: () => number
  /** How long a key that was found is taken on trust: a revoked one works that much longer. */
  readonly cache?: Omit<RecentLookupsOptions, 'now'>
  readonly lockout?: Omit<LockoutOptions, 'now'>
}

interface Credentials {
  /** The Authorization header. It goes before `apiKey` where it is of the Bearer scheme. */
  readonly authorization?: string | undefined
  /** The x-api-key header. */
  readonly apiKey?: string | undefined
  /** The address the host saw, never one that a header claims. Without it nobody is locked out. */
  readonly sourceIp?: string | undefined
}

export type Authenticate = (credentials: Credentials) => Promise<Caller>

const developmentKeyPattern = /^[\x21-\x7e]{16,256}$/
const jwtPattern = /^[\w-]+\.[\w-]+\.[\w-]*$/
/** What counts as guessing. An expired or revoked key is not: only its owner has it. */
const guesses = new Set(['api_key_malformed', 'api_key_unknown', 'token_invalid'])

/** A key, and whether it may be used from an address. */
interface KnownKey extends KeyRecord {
  readonly isAllowedFrom: ((address: string | undefined) => boolean) | undefined
}

/** Finds out who is calling, or throws the ServiceError that says why that cannot be told. */
export function createAuthenticator(options: AuthenticatorOptions): Authenticate {
  const { keyStore, pepper, oldPepper, verifyJwt, now = Date.now } = options
  const lookup = createRecentLookups<KnownKey>({ ...options.cache, now })
  const lockout = createLockout({ ...options.lockout, now })
  const developmentHash = hashDevelopmentKey(options)

  async function authenticateKey(
    key: string,
    hash: Uint8Array,
    sourceIp: string | undefined,
  ): Promise<Caller> {
    const { id } = parseApiKey(key)
    const hashes = [hash, ...(oldPepper === undefined ? [] : [hashApiKey(key, oldPepper)])]
    // By hash, not by id: a wrong secret costs a read whether or not its id exists, so that the
    // time of the answer does not tell which ids there are.
    const record = await lookup(Buffer.from(hash).toString('latin1'), async () => {
      const found = await keyStore.find(id)
      if (!found || !hashes.some((one) => timingSafeEqual(found.hash, one))) return undefined
      return { ...found, isAllowedFrom: found.allowedIps && (await matcherOf(found.allowedIps)) }
    })
    if (!record) throw new ServiceError('api_key_unknown')
    const { isAllowedFrom } = record
    const caller = keyCaller(record, now())
    if (isAllowedFrom && !isAllowedFrom(sourceIp)) {
      const detail = `This call comes from ${sourceIp || 'an unknown address'}.`
      throw new ServiceError('address_not_allowed', { detail })
    }
    return caller
  }

  async function identify(credential: string, sourceIp: string | undefined): Promise<Caller> {
    if (credential.startsWith('pc_') || developmentHash) {
      const hash = hashApiKey(credential, pepper)
      if (developmentHash && timingSafeEqual(hash, developmentHash)) return developer
      if (credential.startsWith('pc_')) return authenticateKey(credential, hash, sourceIp)
    }
    if (!jwtPattern.test(credential)) throw new ServiceError('api_key_malformed')
    if (verifyJwt) return verifyJwt(credential)
    throw new ServiceError('token_invalid', { fix: 'This service takes API keys only: send one.' })
  }

  return async ({ authorization, apiKey, sourceIp }) => {
    if (sourceIp !== undefined) lockout.check(sourceIp)
    const bearer = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1]
    const credential = bearer ?? apiKey
    if (!credential) throw new ServiceError('credentials_missing')
    try {
      return await identify(credential, sourceIp)
    } catch (error) {
      if (sourceIp !== undefined && error instanceof ServiceError && guesses.has(error.code)) {
        lockout.recordFailure(sourceIp)
      }
      throw error
    }
  }
}

export const developer = {
  method: 'api-key',
  keyId: 'development',
  tenant: 'default',
  mode: 'test',
  scopes: ['admin'],
} satisfies Caller

function hashDevelopmentKey({ developmentKey, pepper }: AuthenticatorOptions) {
  if (developmentKey === undefined) return undefined
  if (developmentKeyPattern.test(developmentKey)) return hashApiKey(developmentKey, pepper)
  throw new ServiceError('configuration_invalid', {
    detail: 'The development key must be 16 to 256 printable characters without spaces.',
  })
}

/** Few keys are bound to addresses: it is in no cold start. */
const matcherOf = async (ranges: readonly string[]) =>
  (await import('./address-ranges.ts')).addressRanges.matcher(ranges)

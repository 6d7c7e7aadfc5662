import type { CallLimits } from '#shared/metering/ledger.ts'
import type { KeyMode } from './api-key.ts'
import type { Scope } from './scopes.ts'

/** What is known of a key without its secret. Times are milliseconds since 1970. */
export interface KeySummary {
  /** The public part of the key's text. */
  readonly id: string
  /** `default` where one machine serves one owner. */
  readonly tenant: string
  /** What its owner calls it. */
  readonly name: string
  readonly mode: KeyMode
  readonly scopes: readonly Scope[]
  /** What its calls are booked under. */
  readonly project?: string
  /** Of this key alone; absent means none. */
  readonly limits?: CallLimits
  /** Names of the models that it may call; absent means all. */
  readonly models?: readonly string[]
  /** Addresses that it may be used from, as CIDR ranges; absent means all. */
  readonly allowedIps?: readonly string[]
  /** The key whose counters its limits go on with, since it took its place; absent: its own. */
  readonly countedAs?: string
  /** `pepperId` of what its hash is made with; absent in rows of old. */
  readonly pepperId?: string
  /** The end of its text, by which its owner knows it. */
  readonly lastFour?: string
  readonly createdAt: number
  readonly expiresAt?: number
  readonly revokedAt?: number
}

/** What may change of a key. Absent members stay as they are; `null` takes away. */
export interface KeyChanges {
  readonly limits?: CallLimits | null | undefined
  readonly models?: readonly string[] | null | undefined
  readonly allowedIps?: readonly string[] | null | undefined
  readonly expiresAt?: number | undefined
}

export interface KeyRecord extends KeySummary {
  /** `hashApiKey` of the whole key, 32 bytes. */
  readonly hash: Uint8Array
}

/**
 * Where keys are kept. Every method throws ServiceError `store_unavailable` when the store does not
 * answer as it should.
 */
export interface KeyStore {
  /**
   * Stores a new key and says whether it did: `false` means that another key has this id, which is
   * left as it was. Putting the very same key again is `true` and changes nothing.
   */
  put(record: KeyRecord): Promise<boolean>
  /** The key of this id as the last completed write left it, also where it is revoked or expired. */
  find(id: string): Promise<KeyRecord | undefined>
  /** The keys of a tenant, oldest first; one that was put a moment ago may still be absent. */
  list(tenant: string): Promise<KeySummary[]>
  /** Changes the key; `undefined` where there is no such key. */
  change(id: string, changes: KeyChanges): Promise<KeySummary | undefined>
  /** Revokes the key for ever, as of the first call; `undefined` where there is no such key. */
  revoke(id: string, at: number): Promise<KeySummary | undefined>
}

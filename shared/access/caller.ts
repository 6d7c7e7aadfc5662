import type { CallLimits } from '#shared/metering/ledger.ts'
import type { KeyMode } from './api-key.ts'
import type { Scope } from './scopes.ts'

/** Who is calling, as proved by the credentials and by nothing else in the request. */
export type Caller = {
  /** Whose data and money this is. Every store key below starts with it. */
  readonly tenant: string
  /** `test` calls take the same path and are never billed. */
  readonly mode: KeyMode
  readonly scopes: readonly Scope[]
  /** What the key's calls are booked under, beside the tenant. */
  readonly project?: string | undefined
  /** Of the key; those of the project and the tenant are theirs. */
  readonly limits?: CallLimits | undefined
  /** Names of the models that may be called; absent means all. */
  readonly models?: readonly string[] | undefined
  /** Addresses that its key may be used from; absent means all. */
  readonly allowedIps?: readonly string[] | undefined
  /** When its key expires; absent means never. */
  readonly expiresAt?: number | undefined
} & (
  | { readonly method: 'api-key'; readonly keyId: string; readonly countedAs?: string }
  | { readonly method: 'jwt'; readonly subject: string }
)

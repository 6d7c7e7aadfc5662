import type { KeyMode } from './api-key.ts'
import type { Scope } from './scopes.ts'

/** Who is calling, as proved by the credentials and by nothing else in the request. */
export type Caller = {
  /** Whose data and money this is. Every store key below starts with it. */
  readonly tenant: string
  /** `test` calls take the same path and are never billed. */
  readonly mode: KeyMode
  readonly scopes: readonly Scope[]
} & (
  | { readonly method: 'api-key'; readonly keyId: string }
  | { readonly method: 'jwt'; readonly subject: string }
)

/**
 * What the secrets of tenants are made of; never a secret itself. Beside the calls, in DynamoDB or SQLite.
 *
 * Every method throws ServiceError `store_unavailable` when the store does not answer as it should.
 */
export interface WebhookSecretStore {
  find(tenant: string): Promise<WebhookSecrets | undefined>
  /** Puts them in the place of the revision before; `false`, and no change, where another is there. */
  replace(tenant: string, secrets: WebhookSecrets): Promise<boolean>
  close(): Promise<void>
}

export interface WebhookSecrets {
  /** 1 of the first. */
  readonly revision: number
  readonly current: SecretSeed
  /** It signs, too, until then. */
  readonly previous?: (SecretSeed & { readonly until: number }) | undefined
}

/** With the pepper it gives the secret. */
export interface SecretSeed {
  readonly salt: string
  /** Of the pepper that it was made with. */
  readonly pepperId: string
  readonly createdAt: number
}

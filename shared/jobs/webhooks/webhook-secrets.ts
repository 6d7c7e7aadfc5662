import { createHash, randomBytes } from 'node:crypto'
import { derivedBytes } from '#shared/access/derived-bytes.ts'
import { type Peppers, pepperId } from '#shared/access/peppers.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { SecretSeed, WebhookSecretStore } from './webhook-secret-store.ts'

export interface SecretServices extends Peppers {
  readonly secrets: WebhookSecretStore
  readonly now: () => number
}

/** How long the secret before signs beside a new one. */
const overlapMs = 24 * 3_600_000

/**
 * Makes a tenant's secret, or a new one in its place: this is the only time that it is shown.
 *
 * @param requestKey asked for twice under one key, it is the same secret
 * @returns `whsec_` and base64 of 32 bytes, as Standard Webhooks write it
 */
export async function makeSecret(
  tenant: string,
  services: SecretServices,
  requestKey?: string,
): Promise<{ readonly secret: string; readonly createdAt: number }> {
  const { secrets, pepper, now } = services
  const salt =
    requestKey === undefined
      ? randomBytes(16).toString('hex')
      : createHash('sha256').update(requestKey).digest('hex')
  for (;;) {
    const known = await secrets.find(tenant)
    if (known?.current.salt === salt) return shown(tenant, known.current, services)
    const current = { salt, pepperId: pepperId(pepper), createdAt: now() }
    const replaced = await secrets.replace(tenant, {
      revision: (known?.revision ?? 0) + 1,
      current,
      ...(known && { previous: { ...known.current, until: now() + overlapMs } }),
    })
    if (replaced) return shown(tenant, current, services)
  }
}

function shown(tenant: string, seed: SecretSeed, peppers: Peppers) {
  const key = keyOf(tenant, seed, peppers)
  if (!key) throw new ServiceError('webhook_secret_missing')
  return { secret: `whsec_${Buffer.from(key).toString('base64')}`, createdAt: seed.createdAt }
}

/** The keys that a message to a tenant is signed with: none where there is no secret, or its pepper is gone. */
export async function signingKeys(tenant: string, services: SecretServices): Promise<Uint8Array[]> {
  const known = await services.secrets.find(tenant)
  if (!known) return []
  const { current, previous } = known
  const seeds = previous && previous.until > services.now() ? [current, previous] : [current]
  return seeds.flatMap((seed) => keyOf(tenant, seed, services) ?? [])
}

function keyOf(
  tenant: string,
  { salt, pepperId: madeWith }: SecretSeed,
  { pepper, oldPepper }: Peppers,
): Uint8Array | undefined {
  const own = [pepper, oldPepper].find((one) => one !== undefined && pepperId(one) === madeWith)
  return own === undefined ? undefined : derivedBytes(own, ['webhook', tenant, salt])(32)
}

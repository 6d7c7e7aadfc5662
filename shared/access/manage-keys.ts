import { randomBytes, timingSafeEqual } from 'node:crypto'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { CallLimits } from '#shared/metering/ledger.ts'
import { hashApiKey, type KeyMode, mintApiKey } from './api-key.ts'
import { derivedBytes } from './derived-bytes.ts'
import type { KeyChanges, KeyStore, KeySummary } from './key-store.ts'
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
  readonly project?: string | undefined
  readonly limits?: CallLimits | undefined
  /** The models that it may call; absent means all. */
  readonly models?: readonly string[] | undefined
}

export interface MadeKey {
  /** Its text, which is nowhere else. */
  readonly key: string
  readonly summary: KeySummary
}

/** How a request to make a key is recognised when it comes again. */
export interface RepeatableRequest {
  /** Unique in the tenant: route and idempotency key. */
  readonly idempotencyKey?: string | undefined
}

export interface Rotation extends RepeatableRequest {
  /** How long the old key still works. */
  readonly overlapSeconds: number
}

type Minted = Omit<KeySummary, 'id' | 'tenant' | 'lastFour'>

const namePattern = /^[\p{L}\p{N}][\p{L}\p{N} ._@-]{0,63}$/u
const projectPattern = /^[a-z0-9][a-z0-9._-]{0,62}$/
const longestLifeDays = 3_650
const longestOverlapSeconds = 30 * 24 * 60 * 60
const dayMs = 24 * 60 * 60 * 1_000
const maxMints = 5

/** What the owner of keys does with them. */
export function createKeyManager(options: KeyManagerOptions) {
  const { keyStore, pepper, tenant = 'default', now = Date.now } = options
  const { newRandomBytes = randomBytes } = options

  async function store(minted: Minted, { key, id }: { key: string; id: string }) {
    const summary: KeySummary = { ...minted, id, tenant, lastFour: key.slice(-4) }
    return (await keyStore.put({ ...summary, hash: hashApiKey(key, pepper) })) ? summary : undefined
  }

  async function mint(minted: Minted): Promise<MadeKey> {
    for (let mints = 0; mints < maxMints; mints += 1) {
      const drawn = mintApiKey({ mode: minted.mode, newRandomBytes })
      const summary = await store(minted, drawn)
      // An id is 48 bits, so one in use is met now and then where there are millions of keys.
      if (summary) return { key: drawn.key, summary }
    }
    throw new ServiceError('internal', { cause: new Error('No free key id was found.') })
  }

  /**
   * The id follows from the idempotency key alone, the secret also from what is asked. So the same
   * request makes the same key again, and another one under that idempotency key finds its id taken.
   */
  const draw = (mode: KeyMode, idempotencyKey: string, asked: string) =>
    mintApiKey({
      mode,
      newIdBytes: derivedBytes(pepper, ['id', tenant, idempotencyKey]),
      newRandomBytes: derivedBytes(pepper, ['secret', tenant, idempotencyKey, asked]),
    })

  async function mintOnce(minted: Minted, idempotencyKey: string, asked: string): Promise<MadeKey> {
    const drawn = draw(minted.mode, idempotencyKey, asked)
    if (!(await store(minted, drawn))) throw new ServiceError('idempotency_key_reused')
    // As it was made the first time, and as it was changed since.
    return { key: drawn.key, summary: await owned(drawn.id) }
  }

  async function madeBefore(mode: KeyMode, idempotencyKey: string, asked: string) {
    const { key, id } = draw(mode, idempotencyKey, asked)
    const found = await keyStore.find(id)
    if (!found || !timingSafeEqual(found.hash, hashApiKey(key, pepper))) return undefined
    return { key, summary: await owned(id) }
  }

  async function owned(id: string): Promise<KeySummary> {
    const found = await keyStore.find(id)
    if (found?.tenant !== tenant) throw new ServiceError('key_not_found')
    const { hash: _, ...summary } = found
    return summary
  }

  return {
    /**
     * Makes a key. Its text is in this answer and nowhere else.
     * @throws ServiceError `parameter_invalid`, `idempotency_key_reused`, `store_unavailable`
     */
    async create(wanted: NewKey, { idempotencyKey }: RepeatableRequest = {}): Promise<MadeKey> {
      const { name, mode, expiresInDays, project, limits, models } = checked(wanted)
      const createdAt = now()
      const minted: Minted = {
        name,
        mode,
        scopes: parseScopes(wanted.scopes),
        ...(project !== undefined && { project }),
        ...(limits && { limits }),
        ...(models && { models }),
        createdAt,
        ...(expiresInDays !== undefined && { expiresAt: createdAt + expiresInDays * dayMs }),
      }
      if (idempotencyKey === undefined) return mint(minted)
      return mintOnce(minted, idempotencyKey, textOf(wanted))
    },

    /** The tenant's keys, oldest first. */
    list: (): Promise<KeySummary[]> => keyStore.list(tenant),

    /** One key. @throws ServiceError `key_not_found`, also where it is another tenant's */
    find: (id: string): Promise<KeySummary> => owned(id),

    /** Changes limits and models; in force everywhere within seconds. Throws as `find` does. */
    async change(id: string, { limits, models }: KeyChanges): Promise<KeySummary> {
      if (models) checkModels(models)
      await owned(id)
      const changed = await keyStore.change(id, { limits, models })
      if (!changed) throw new ServiceError('key_not_found')
      return changed
    },

    /**
     * Makes a key with the same rights; the old one still works for the overlap.
     * @throws ServiceError `key_not_found`, `api_key_revoked`, `api_key_expired`,
     *   `parameter_invalid`, `idempotency_key_reused`
     */
    async rotate(id: string, { overlapSeconds, idempotencyKey }: Rotation): Promise<MadeKey> {
      checkOverlap(overlapSeconds)
      const old = await owned(id)
      const time = now()
      const { id: _id, tenant: _tenant, lastFour: _lastFour, revokedAt, expiresAt, ...rights } = old
      const repeatable = idempotencyKey && JSON.stringify(['rotate', id, idempotencyKey])
      const asked = String(overlapSeconds)
      if (revokedAt !== undefined || (expiresAt !== undefined && expiresAt <= time)) {
        // The key may have come to its end since the same rotation was asked for.
        const made = repeatable && (await madeBefore(old.mode, repeatable, asked))
        if (made) return made
        throw new ServiceError(revokedAt === undefined ? 'api_key_expired' : 'api_key_revoked')
      }
      const minted: Minted = {
        ...rights,
        createdAt: time,
        // As long a life as the old one was given.
        ...(expiresAt !== undefined && { expiresAt: time + expiresAt - old.createdAt }),
      }
      const made = repeatable ? await mintOnce(minted, repeatable, asked) : await mint(minted)
      // Asked for again, it does not give the old key more time.
      const end = Math.min(time + overlapSeconds * 1_000, expiresAt ?? Number.POSITIVE_INFINITY)
      await keyStore.change(id, { expiresAt: end })
      return made
    },

    /**
     * Revokes a key, which stops working everywhere within seconds. Doing so again changes nothing.
     * @throws ServiceError `key_not_found`, also where it is another tenant's
     */
    async revoke(id: string): Promise<KeySummary> {
      await owned(id)
      const revoked = await keyStore.revoke(id, now())
      if (!revoked) throw new ServiceError('key_not_found')
      return revoked
    },
  }
}

const refuse = (detail: string): never => {
  throw new ServiceError('parameter_invalid', { detail })
}

function checked(wanted: NewKey): NewKey {
  const { name, mode, expiresInDays, project, models } = wanted
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
  if (project !== undefined && !projectPattern.test(project)) {
    refuse('A project has 1 to 63 lower-case letters, digits and ". _ -".')
  }
  if (models) checkModels(models)
  return wanted
}

function checkModels(models: readonly string[]): void {
  const good = models.length > 0 && models.length <= 100
  if (!good || !models.every((name) => /^[a-z0-9][a-z0-9-]{0,62}$/.test(name))) {
    refuse('The models of a key are 1 to 100 names of models, without versions.')
  }
}

function checkOverlap(overlapSeconds: number): void {
  const good = Number.isInteger(overlapSeconds) && overlapSeconds >= 0
  if (!good || overlapSeconds > longestOverlapSeconds) {
    refuse(`The overlap is 0 to ${longestOverlapSeconds} whole seconds.`)
  }
}

/** What is asked, always in the same words. */
function textOf({ name, scopes, mode, expiresInDays, project, limits, models }: NewKey): string {
  const { monthlySpend, dailyCalls, concurrency, rate } = limits ?? {}
  const caps = [monthlySpend?.toString(), dailyCalls, concurrency, rate?.perMinute, rate?.burst]
  return JSON.stringify([name, scopes, mode, expiresInDays, project, caps, models])
}

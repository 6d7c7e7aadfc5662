import { randomBytes, timingSafeEqual } from 'node:crypto'
import { ServiceError } from '#shared/errors/service-error.ts'
import { hashApiKey, type KeyMode, mintApiKey } from './api-key.ts'
import { derivedBytes } from './derived-bytes.ts'
import { keyChecks, type NewKey } from './key-checks.ts'
import type { KeyChanges, KeyStore, KeySummary } from './key-store.ts'
import { type Peppers, pepperId } from './peppers.ts'
import { parseScopes } from './scopes.ts'

export interface KeyManagerOptions extends Peppers {
  readonly keyStore: KeyStore
  /** Whose keys these are. The keys of others are neither seen nor touched. */
  readonly tenant?: string
  readonly now?: () => number
  readonly newRandomBytes?: (size: number) => Uint8Array
}

export interface MadeKey {
  /** Its text, which is nowhere else. */
  readonly key: string
  readonly summary: KeySummary
}

/** On whose behalf a key is made. */
export interface KeyRequest {
  /** By which it is recognised when it comes again; unique in the tenant: route and idempotency key. */
  readonly idempotencyKey?: string | undefined
  /** When the key ends at the latest: with the one that makes it. */
  readonly latestExpiry?: number | undefined
}

export interface Rotation extends KeyRequest {
  /** How long the old key still works. */
  readonly overlapSeconds: number
}

type Minted = Omit<KeySummary, 'id' | 'tenant' | 'lastFour' | 'pepperId'>

const dayMs = 24 * 60 * 60 * 1_000
const maxMints = 5

/** What the owner of keys does with them. */
export function createKeyManager(options: KeyManagerOptions) {
  const { keyStore, pepper, oldPepper, tenant = 'default', now = Date.now } = options
  const { newRandomBytes = randomBytes } = options
  const ownPepperId = pepperId(pepper)

  async function store(minted: Minted, { key, id }: { key: string; id: string }) {
    const kept = { lastFour: key.slice(-4), pepperId: ownPepperId }
    const summary: KeySummary = { ...minted, id, tenant, ...kept }
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
  const draw = (from: string, mode: KeyMode, idempotencyKey: string, asked: string) =>
    mintApiKey({
      mode,
      newIdBytes: derivedBytes(from, ['id', tenant, idempotencyKey]),
      newRandomBytes: derivedBytes(from, ['secret', tenant, idempotencyKey, asked]),
    })

  async function mintOnce(minted: Minted, idempotencyKey: string, asked: string): Promise<MadeKey> {
    const made = await madeBefore(minted.mode, idempotencyKey, asked)
    if (made) return made
    const drawn = draw(pepper, minted.mode, idempotencyKey, asked)
    if (!(await store(minted, drawn))) throw new ServiceError('idempotency_key_reused')
    // As it was made the first time, and as it was changed since.
    return { key: drawn.key, summary: await owned(drawn.id) }
  }

  async function madeBefore(mode: KeyMode, idempotencyKey: string, asked: string) {
    // The pepper may have been replaced since.
    for (const one of oldPepper === undefined ? [pepper] : [pepper, oldPepper]) {
      const { key, id } = draw(one, mode, idempotencyKey, asked)
      const found = await keyStore.find(id)
      if (!found) continue
      if (timingSafeEqual(found.hash, hashApiKey(key, one))) {
        return { key, summary: await owned(id) }
      }
      throw new ServiceError('idempotency_key_reused')
    }
    return undefined
  }

  async function owned(id: string): Promise<KeySummary> {
    const found = await keyStore.find(id)
    if (found?.tenant !== tenant) throw new ServiceError('key_not_found')
    const { hash: _, ...summary } = found
    return summary
  }

  return {
    /** Of the pepper of new keys; a key of another is to be rotated before that one is forgotten. */
    pepperId: ownPepperId,

    /**
     * Makes a key. Its text is in this answer and nowhere else.
     * @throws ServiceError `parameter_invalid`, `idempotency_key_reused`, `store_unavailable`
     */
    async create(wanted: NewKey, request: KeyRequest = {}): Promise<MadeKey> {
      const { name, mode, expiresInDays, project, limits, models, allowedIps } =
        keyChecks.newKey(wanted)
      const { idempotencyKey, latestExpiry } = request
      const createdAt = now()
      const asked = expiresInDays === undefined ? undefined : createdAt + expiresInDays * dayMs
      const minted: Minted = {
        name,
        mode,
        scopes: parseScopes(wanted.scopes),
        ...(project !== undefined && { project }),
        ...(limits && { limits }),
        ...(models && { models }),
        ...(allowedIps && { allowedIps }),
        createdAt,
        ...earliest(asked, latestExpiry),
      }
      if (idempotencyKey === undefined) return mint(minted)
      return mintOnce(minted, idempotencyKey, textOf(wanted))
    },

    /** The tenant's keys, oldest first. */
    list: (): Promise<KeySummary[]> => keyStore.list(tenant),

    /** One key. @throws ServiceError `key_not_found`, also where it is another tenant's */
    find: (id: string): Promise<KeySummary> => owned(id),

    /** Changes limits, models, addresses; in force everywhere within seconds. Throws as `find`. */
    async change(id: string, { limits, models, allowedIps }: KeyChanges): Promise<KeySummary> {
      keyChecks.changes({ models, allowedIps })
      await owned(id)
      const changed = await keyStore.change(id, { limits, models, allowedIps })
      if (!changed) throw new ServiceError('key_not_found')
      return changed
    },

    /**
     * Makes a key with the same rights and counters; the old one still works for the overlap.
     * @throws ServiceError `key_not_found`, `api_key_revoked`, `api_key_expired`,
     *   `parameter_invalid`, `idempotency_key_reused`
     */
    async rotate(id: string, rotation: Rotation): Promise<MadeKey> {
      const { overlapSeconds, idempotencyKey, latestExpiry } = rotation
      keyChecks.overlap(overlapSeconds)
      const old = await owned(id)
      const time = now()
      const { id: _, tenant: _t, lastFour: _l, pepperId: _p, revokedAt, expiresAt, ...rights } = old
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
        // Or else whoever rotates would begin each time with nothing used.
        countedAs: old.countedAs ?? id,
        createdAt: time,
        // As long a life as the old one was given.
        ...earliest(expiresAt && time + expiresAt - old.createdAt, latestExpiry),
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

/** The first of two ends, either of which may be never. */
function earliest(...ends: readonly (number | undefined)[]): { expiresAt?: number } {
  const expiresAt = Math.min(...ends.map((end) => end ?? Number.POSITIVE_INFINITY))
  return Number.isFinite(expiresAt) ? { expiresAt } : {}
}

/** What is asked, always in the same words. */
function textOf({ limits, ...wanted }: NewKey): string {
  const { name, scopes, mode, expiresInDays, project, models, allowedIps } = wanted
  const { monthlySpend, dailyCalls, concurrency, rate } = limits ?? {}
  const caps = [monthlySpend?.toString(), dailyCalls, concurrency, rate?.perMinute, rate?.burst]
  return JSON.stringify([name, scopes, mode, expiresInDays, project, caps, models, allowedIps])
}

import { utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { ServiceError } from '#shared/errors/service-error.ts'
import { artifactKey } from './artifact-key.ts'
import type { ArtifactRef, ArtifactStore, FetchOptions, FetchProgress } from './artifact-store.ts'
import { directoryArtifactStore } from './directory-artifact-store.ts'
import { evictFiles } from './evict-files.ts'
import { singleFlight } from './single-flight.ts'

export interface CachedArtifactStoreOptions {
  /** May be shared by several processes. */
  readonly directory: string
  /** Of all cached files together. A larger file is handed through and not kept. */
  readonly maxBytes: number
  /** How long "not found" and "access denied" are repeated without asking again. */
  readonly rememberRefusalsMs?: number
  /** The cache could not be written, e.g. a full disk. The caller gets its bytes all the same. */
  readonly onCacheFailure?: (error: unknown) => void
  readonly now?: () => number
}

/**
 * A store whose files are fetched once, however many callers ask at the same time, and kept on disk
 * under their digest, least recently used out first. What comes back from the disk is verified
 * again; what fails that is fetched anew. Failures are forgotten at once, except refusals.
 */
export function cachedArtifactStore(
  store: ArtifactStore,
  {
    directory,
    maxBytes,
    rememberRefusalsMs = 5_000,
    onCacheFailure = () => {},
    now = Date.now,
  }: CachedArtifactStoreOptions,
): ArtifactStore {
  // Nothing is lost with the cache, and each read is verified: no need to wait for the disk.
  const cache = directoryArtifactStore({ directory, durable: false })
  const joinFlight = singleFlight<Uint8Array<ArrayBuffer>, FetchProgress>()
  const refusals = new Map<string, { error: ServiceError; until: number }>()

  return {
    ...store,
    async fetch(ref, options) {
      const refusal = refusals.get(artifactKey(ref.key))
      if (refusal && now() < refusal.until) throw refusal.error
      refusals.delete(ref.key)
      return joinFlight(ref.sha256, (shared) => fetchThrough(ref, shared), options)
    },
    async publish(key, bytes) {
      await store.publish(key, bytes)
      refusals.delete(key)
    },
  }

  async function fetchThrough(ref: ArtifactRef, options: FetchOptions) {
    const cached = await fetchCached(ref, options)
    if (cached) return cached
    try {
      const bytes = await store.fetch(ref, options)
      await keep(ref, bytes)
      return bytes
    } catch (error) {
      if (isRefusal(error)) refusals.set(ref.key, { error, until: now() + rememberRefusalsMs })
      throw error
    }
  }

  async function fetchCached(ref: ArtifactRef, options: FetchOptions) {
    try {
      const bytes = await cache.fetch({ ...ref, key: ref.sha256 }, options)
      const usedAt = now() / 1000
      await utimes(join(directory, ref.sha256), usedAt, usedAt).catch(() => {})
      return bytes
    } catch (error) {
      options.signal?.throwIfAborted()
      // Damaged or unreadable: the good copy will take its place.
      if (!(error instanceof ServiceError)) throw error
      return undefined
    }
  }

  async function keep(ref: ArtifactRef, bytes: Uint8Array) {
    if (ref.bytes > maxBytes) return
    try {
      await evictFiles({ directory, maxBytes: maxBytes - ref.bytes, now })
      await cache.publish(ref.sha256, bytes)
      const usedAt = now() / 1000
      await utimes(join(directory, ref.sha256), usedAt, usedAt)
    } catch (error) {
      onCacheFailure(error)
    }
  }
}

const isRefusal = (error: unknown): error is ServiceError =>
  error instanceof ServiceError &&
  (error.code === 'artifact_not_found' || error.code === 'artifact_access_denied')

import type { KeySummary } from '#shared/access/key-store.ts'

/** A key as JSON shows it: without its text, times in ISO 8601. */
export function keyJson({ id, name, mode, scopes, ...times }: KeySummary) {
  return {
    id,
    name,
    mode,
    scopes,
    created_at: isoTime(times.createdAt),
    expires_at: isoTime(times.expiresAt),
    revoked_at: isoTime(times.revokedAt),
  }
}

const isoTime = (at: number | undefined) => (at === undefined ? null : new Date(at).toISOString())

export interface RecentLookupsOptions {
  readonly maxEntries?: number
  readonly maxAgeMs?: number
  readonly now?: () => number
}

/**
 * Remembers what was found a moment ago. Callers that ask for the same thing at the same time share
 * one look-up; failures and "there is none" are forgotten as soon as they have been told.
 */
export function createRecentLookups<Value>(options: RecentLookupsOptions) {
  const { maxEntries = 10_000, maxAgeMs = 5_000, now = Date.now } = options
  type Entry = { readonly until: number; readonly value: Promise<Value | undefined> }
  const entries = new Map<string, Entry>()

  return (key: string, load: () => Promise<Value | undefined>): Promise<Value | undefined> => {
    const known = entries.get(key)
    if (known && now() < known.until) return known.value
    // The age counts from before the read: a change made while it runs is seen as early as any other.
    const entry: Entry = { until: now() + maxAgeMs, value: load() }
    const forget = () => {
      if (entries.get(key) === entry) entries.delete(key)
    }
    entry.value.then((value) => value ?? forget(), forget)
    entries.delete(key)
    entries.set(key, entry)
    // A map keeps the order of insertion, so the first entry is the oldest.
    for (const oldest of entries.keys()) {
      if (entries.size <= maxEntries) break
      entries.delete(oldest)
    }
    return entry.value
  }
}

import type { Warmth } from '../warmth.ts'

/** What this very process holds ready. */
export function createMemoryWarmth({ now = Date.now }: { now?: () => number } = {}): Warmth {
  const until = new Map<string, number>()
  return {
    isWarm: async (model) => (until.get(model) ?? 0) > now(),
    async keep(model, forMs) {
      until.set(model, Math.max(until.get(model) ?? 0, now() + forMs))
    },
  }
}

import { type RateStore, rateStep } from './rate-store.ts'

/**
 * Buckets of this process alone: for one machine, and for a function whose store is down, where a
 * limit per environment is better than none.
 */
export function createMemoryRateStore({ maxBuckets = 10_000 } = {}): RateStore {
  const arrivals = new Map<string, number>()
  return {
    async step(bucket, step) {
      const outcome = rateStep(arrivals.get(bucket), step)
      arrivals.delete(bucket)
      arrivals.set(bucket, outcome.arrivalMs)
      // In the order of their last use; a bucket that is forgotten is full again.
      const [oldest] = arrivals.keys()
      if (arrivals.size > maxBuckets && oldest !== undefined) arrivals.delete(oldest)
      return outcome
    },
  }
}

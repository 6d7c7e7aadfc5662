/** What meters and what books after them agree on, unless they are told otherwise. */
export const meterDefaults = {
  /** How long an answer can be fetched again. */
  retentionMs: 24 * 60 * 60 * 1_000,
  /** Added to the time a model may take: until then an attempt is presumed alive. */
  leaseMarginMs: 5_000,
  /** How long after a request a retry without an idempotency key finds it. */
  retryWindowMs: 15 * 60 * 1_000,
}

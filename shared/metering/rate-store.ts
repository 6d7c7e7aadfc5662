/** Where the rate limiter keeps its one number a bucket. */
export interface RateStore {
  /**
   * One step of the generic cell rate algorithm (ITU-T I.371), atomically: a call is admitted if the
   * bucket's theoretical arrival time is at most `toleranceMs` ahead of `now`; it then moves on by
   * `intervalMs`. Times are milliseconds, `intervalMs` may be fractional.
   * @returns whether the call is admitted, and the theoretical arrival time after the step
   * @throws ServiceError `store_unavailable`
   */
  step(bucket: string, step: RateStep): Promise<RateOutcome>
}

export interface RateStep {
  readonly now: number
  readonly intervalMs: number
  readonly toleranceMs: number
}

export interface RateOutcome {
  readonly admitted: boolean
  readonly arrivalMs: number
}

/** The rule itself, for drivers that can read and write under one lock. */
export function rateStep(arrivalMs: number | undefined, step: RateStep): RateOutcome {
  const { now, intervalMs, toleranceMs } = step
  const current = Math.max(arrivalMs ?? now, now)
  if (current > now + toleranceMs) return { admitted: false, arrivalMs: current }
  return { admitted: true, arrivalMs: current + intervalMs }
}

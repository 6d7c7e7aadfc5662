import { ServiceError } from '#shared/errors/service-error.ts'
import { type LimitedParty, limitedParties } from './counter-holds.ts'
import { isUnavailable } from './is-unavailable.ts'
import type { AccountLimits } from './ledger.ts'
import type { RateStore } from './rate-store.ts'

export interface RateLimiterOptions {
  store: RateStore
  /** Steps in where the store does not answer. */
  fallback: RateStore
  /** Of the account. It may answer from memory: a rate is no cap on money. */
  tenantLimits: (tenant: string) => Promise<AccountLimits>
  now?: () => number
}

/** How a bucket stands after a call, for the RateLimit headers (Internet-Draft, draft 11). */
export interface RateState {
  readonly scope: LimitedParty['scope']
  /** Calls that may come at once. */
  readonly quota: number
  /** Seconds in which the quota is full again. */
  readonly windowSeconds: number
  readonly remaining: number
  readonly resetSeconds: number
}

/** @param parties who is limited beside the tenant and the project */
export type LimitRate = (
  tenant: string,
  parties: readonly LimitedParty[],
  project?: string,
) => Promise<RateState[]>

/**
 * Calls per minute with bursts, a bucket for each party that has a limit.
 * @returns the state of each bucket, the tightest first
 * @throws RateLimited where one of them is empty
 */
export function createRateLimiter({
  store,
  fallback,
  tenantLimits,
  now = Date.now,
}: RateLimiterOptions): LimitRate {
  return async (tenant, parties, project) => {
    const states: RateState[] = []
    const tenantsOwn = await tenantLimits(tenant)
    for (const { scope, id, limits } of limitedParties({ tenant, project, parties }, tenantsOwn)) {
      if (!limits.rate) continue
      const { perMinute, burst } = limits.rate
      const intervalMs = 60_000 / perMinute
      const time = now()
      const step = { now: time, intervalMs, toleranceMs: intervalMs * (burst - 1) }
      const bucket = `${scope}:${id}`
      const { admitted, arrivalMs } = await store.step(bucket, step).catch((thrown: unknown) => {
        if (!isUnavailable(thrown)) throw thrown
        return fallback.step(bucket, step)
      })
      const aheadMs = arrivalMs - time
      const state: RateState = {
        scope,
        quota: burst,
        windowSeconds: Math.ceil((intervalMs * burst) / 1_000),
        remaining: admitted ? Math.max(0, Math.floor(burst - aheadMs / intervalMs)) : 0,
        resetSeconds: Math.max(0, Math.ceil(aheadMs / 1_000)),
      }
      if (!admitted) throw new RateLimited(state, (aheadMs - step.toleranceMs) / 1_000)
      states.push(state)
    }
    return states.sort((a, b) => a.remaining - b.remaining)
  }
}

/** `rate_limited`, with the state of the bucket that was empty. */
export class RateLimited extends ServiceError {
  readonly state: RateState

  constructor(state: RateState, retryAfterSeconds: number) {
    super('rate_limited', {
      detail: `This ${state.scope} may make ${state.quota} calls in ${state.windowSeconds} s.`,
      retryAfterSeconds: Math.max(1, Math.ceil(retryAfterSeconds)),
    })
    this.state = state
  }
}

import { type LimitRate, RateLimited, type RateState } from '#shared/metering/rate-limiter.ts'
import { callerOf } from '../authenticate/caller-of.ts'
import { partiesOf } from '../authenticate/parties-of.ts'
import type { Call } from '../call.ts'
import type { Step, StepRequest } from '../step.ts'

/**
 * Refuses calls that come too fast, and tells every caller how its buckets stand: in the names of
 * the Internet-Draft "RateLimit header fields for HTTP" (draft 11) and those that OpenAI's clients
 * read. Callers without a limit hear nothing.
 */
export function limitRate({ limitRate }: { limitRate: LimitRate }): Step {
  const states = new WeakMap<Call, readonly RateState[]>()
  const tell = ({ event, response, error }: StepRequest): void => {
    const [tightest] = error instanceof RateLimited ? [error.state] : (states.get(event) ?? [])
    if (!response || !tightest) return
    const { scope, quota, windowSeconds, remaining, resetSeconds } = tightest
    Object.assign(response.headers, {
      'ratelimit-policy': `"${scope}";q=${quota};w=${windowSeconds}`,
      ratelimit: `"${scope}";r=${remaining};t=${resetSeconds}`,
      'x-ratelimit-limit-requests': String(quota),
      'x-ratelimit-remaining-requests': String(remaining),
      'x-ratelimit-reset-requests': `${resetSeconds}s`,
    })
  }
  return {
    async before({ event }) {
      const caller = callerOf(event)
      if (!caller || event.request.deferred) return
      states.set(event, await limitRate(caller.tenant, partiesOf(caller), caller.project))
    },
    after: tell,
    onError: tell,
  }
}

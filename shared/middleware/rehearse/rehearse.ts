import { ServiceError } from '#shared/errors/service-error.ts'
import { RateLimited } from '#shared/metering/rate-limiter.ts'
import { refusalOf } from '#shared/metering/refusal-of.ts'
import { callerOf } from '../authenticate/caller-of.ts'
import type { Step } from '../step.ts'

/** With which a test call asks for the answer that it wants to be prepared for. */
const header = 'x-percall-test'

/**
 * The answers that can be asked for, each made by what makes the real one, and the place where that
 * one arises: before anything is reserved, or while the model runs.
 */
const rehearsals: Readonly<
  Record<string, { readonly place: 'refusal' | 'failure'; error(now: number): ServiceError }>
> = {
  402: { place: 'refusal', error: (now) => refusalOf({ kind: 'no-credit', available: 0n }, now) },
  409: {
    place: 'refusal',
    error: (now) => refusalOf({ kind: 'in-flight', leaseUntil: now + 1_000 }, now),
  },
  429: {
    place: 'refusal',
    error: () =>
      new RateLimited(
        { scope: 'key', quota: 1, windowSeconds: 1, remaining: 0, resetSeconds: 1 },
        1,
      ),
  },
  500: {
    place: 'failure',
    // The cause is for the log: nobody need look for what has failed.
    error: () => new ServiceError('internal', { cause: new Error(`asked for by ${header}`) }),
  },
}

/**
 * Refuses or fails a call of a test key that asks for it. A live key that does has its test code in
 * production: it is told so rather than charged for a call that was not meant.
 * @throws ServiceError what was asked for, or `parameter_invalid`
 */
export function rehearse(
  place: 'refusal' | 'failure',
  { now = Date.now }: { now?: () => number } = {},
): Step {
  return {
    before({ event }) {
      const asked = event.request.headers[header]
      if (asked === undefined || event.replay) return
      const rehearsal = Object.hasOwn(rehearsals, asked) ? rehearsals[asked] : undefined
      if (callerOf(event)?.mode !== 'test' || !rehearsal) {
        throw new ServiceError('parameter_invalid', {
          detail: `The header ${header} is for test keys, and ${Object.keys(rehearsals).join(', ')}.`,
        })
      }
      if (rehearsal.place === place) throw rehearsal.error(now())
    },
  }
}

import { ServiceError } from '#shared/errors/service-error.ts'
import { RateLimited } from '#shared/metering/rate-limiter.ts'
import { refusalOf } from '#shared/metering/refusal-of.ts'

/**
 * The answers that can be asked for, each made by what makes the real one, and the place where that
 * one arises: before anything is reserved, or while the model runs.
 */
export const rehearsals: Readonly<
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
    error: () => new ServiceError('internal', { cause: new Error('asked for by x-percall-test') }),
  },
}

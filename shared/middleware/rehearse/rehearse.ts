import { ServiceError } from '#shared/errors/service-error.ts'
import { callerOf } from '../authenticate/caller-of.ts'
import type { Step } from '../step.ts'

/** With which a test call asks for the answer that it wants to be prepared for. */
const header = 'x-percall-test'

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
    async before({ event }) {
      const asked = event.request.headers[header]
      if (asked === undefined || event.replay) return
      // Few calls rehearse: it is in no cold start.
      const { rehearsals } = await import('./rehearsals.ts')
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

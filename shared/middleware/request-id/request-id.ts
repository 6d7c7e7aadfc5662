import { randomUUID } from 'node:crypto'
import type { Step, StepRequest } from '../step.ts'

/** What a caller may choose as an id: safe to repeat in headers and logs. */
const acceptable = /^[A-Za-z0-9._-]{8,128}$/

/** Gives every call an id, its caller's own where it is acceptable, and tells it in the answer. */
export function requestId({ newId = randomUUID }: { newId?: () => string } = {}): Step {
  const tell = ({ event, response }: StepRequest): void => {
    if (response) response.headers['x-request-id'] = event.id
  }
  return {
    before({ event }) {
      const offered = event.request.headers['x-request-id']
      event.id = offered !== undefined && acceptable.test(offered) ? offered : newId()
    },
    after: tell,
    onError: tell,
  }
}

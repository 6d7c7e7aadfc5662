import { ServiceError } from '#shared/errors/service-error.ts'
import { isMiss } from '../call.ts'
import type { Step } from '../step.ts'

/** Turns whatever was thrown into the error body of the route's dialect. */
export function errorResponse(): Step {
  return {
    onError(request) {
      const { id, match } = request.event
      const error = ServiceError.from(request.error)
      const { dialect } = isMiss(match) ? match : match.route
      const response = dialect.encodeError(error, id)
      if (error.retryAfterSeconds !== undefined) {
        response.headers['retry-after'] = String(Math.max(1, Math.ceil(error.retryAfterSeconds)))
      }
      if (isMiss(match) && match.allow !== undefined) response.headers.allow = match.allow
      if (error.status === 401) response.headers['www-authenticate'] = 'Bearer realm="percall"'
      // Official clients retry 5xx by themselves; this spares them a retry that must fail again.
      response.headers['x-should-retry'] = String(error.retryable)
      request.response = response
    },
  }
}

import { ServiceError } from '#shared/errors/service-error.ts'
import type { HttpResponse } from '#shared/protocols/http-message.ts'
import { type Call, isMiss } from '../call.ts'
import type { Step } from '../step.ts'

/** Turns whatever was thrown into the error body of the route's dialect. */
export function errorResponse(): Step {
  return {
    onError(request) {
      request.response = errorAnswer(request.event, ServiceError.from(request.error))
    },
  }
}

/** The answer that a call gets for an error. */
export function errorAnswer({ id, match }: Call, error: ServiceError): HttpResponse {
  const { dialect } = isMiss(match) ? match : match.route
  const response = dialect.encodeError(error, id)
  const retryAfterSeconds = error.retryAfterSeconds ?? (isPassing(error) ? 1 : undefined)
  if (retryAfterSeconds !== undefined) {
    response.headers['retry-after'] = String(Math.max(1, Math.ceil(retryAfterSeconds)))
  }
  // Failures are free. Where the store does not say what became of the charge, nor does this.
  if (error.code !== 'store_unavailable') response.headers['x-cost-units'] = '0'
  if (isMiss(match) && match.allow !== undefined) response.headers.allow = match.allow
  if (error.status === 401) response.headers['www-authenticate'] = 'Bearer realm="percall"'
  // Official clients retry 5xx by themselves; this spares them a retry that must fail again.
  response.headers['x-should-retry'] = String(error.retryable)
  return response
}

const isPassing = ({ status, retryable }: ServiceError) => status === 503 && retryable

import { ServiceError } from '#shared/errors/service-error.ts'
import type { Logger } from '#shared/observability/logger.ts'
import { callerOf } from '../authenticate/caller-of.ts'
import { isMiss } from '../call.ts'
import type { Step, StepRequest } from '../step.ts'

/** Writes one line a call, and tells the time it took in `Server-Timing` (W3C). */
export function logCall({ logger }: { logger: Logger }): Step {
  const log = ({ event, response, error }: StepRequest): void => {
    const durationMs = performance.now() - event.receivedAt
    const { match } = event
    const caller = callerOf(event)
    const failure = error ? ServiceError.from(error) : undefined
    const status = response?.status ?? 500
    if (response) response.headers['server-timing'] = `total;dur=${durationMs.toFixed(2)}`
    logger[status >= 500 ? 'error' : 'info']('call', {
      requestId: event.id,
      method: event.request.method,
      route: isMiss(match) ? undefined : match.route.path,
      model: isMiss(match) ? undefined : match.model,
      status,
      code: failure?.code,
      durationMs,
      tenant: caller?.tenant,
      keyId: caller?.method === 'api-key' ? caller.keyId : undefined,
      cause: status >= 500 ? failure?.cause : undefined,
      detail: status >= 500 ? failure?.detail : undefined,
    })
  }
  return { after: log, onError: log }
}

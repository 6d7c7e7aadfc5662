import { ServiceError } from '#shared/errors/service-error.ts'
import { changeCall } from './change-call.ts'
import { type DeferredCall, hasEnded } from './deferred-call.ts'
import { endOf, tell } from './finish-call.ts'
import type { JobServices } from './job-services.ts'

/**
 * A queued call is never run and costs nothing. A running one is asked to stop: it ends as cancelled
 * and free, unless its answer is sold before it hears of it. Asked again, nothing changes.
 *
 * @throws ServiceError `job_ended`
 */
export async function cancelCall(id: string, services: JobServices): Promise<DeferredCall> {
  const cancelled = await changeCall(id, services, (call) => {
    if (hasEnded(call) || call.cancelAskedAt !== undefined) return undefined
    const cancelAskedAt = services.now()
    if (call.run) return { cancelAskedAt }
    return { ...endOf(call, 'cancelled', cancelAskedAt), cancelAskedAt }
  })
  if (!cancelled) throw new ServiceError('resource_not_found')
  const { call, changed } = cancelled
  if (hasEnded(call) && !changed && call.state !== 'cancelled') {
    throw new ServiceError('job_ended', { detail: `The job has ${call.state}.` })
  }
  if (changed) await tell(call, services)
  return call
}

import { readAll } from '#shared/batch/read-all.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { HttpResponse } from '#shared/protocols/http-message.ts'
import { type DeferredCall, hasEnded } from './deferred-call.ts'
import type { JobServices } from './job-services.ts'
import { storedAnswer } from './stored-answer.ts'

/**
 * The answer of a call as its caller would have got it.
 *
 * @param secondsLeft at least so long it will take, where that is known
 * @throws ServiceError `job_not_ended`, `job_cancelled`, `resource_not_found` where it is not kept any more
 */
export async function readResult(
  call: DeferredCall,
  { objects }: Pick<JobServices, 'objects'>,
  secondsLeft = 1,
): Promise<HttpResponse> {
  if (!hasEnded(call)) {
    throw new ServiceError('job_not_ended', {
      detail: `The job is ${call.state}.`,
      fix: 'Ask again as Retry-After says.',
      retryAfterSeconds: Math.min(30, Math.max(1, secondsLeft)),
    })
  }
  if (!call.result) throw new ServiceError('job_cancelled')
  const object = await objects.head(call.result.key)
  if (!object) throw new ServiceError('resource_not_found', { detail: 'The answer is gone.' })
  return storedAnswer.read(await readAll(objects.read(object)))
}

import { requireScope } from '#shared/access/require-scope.ts'
import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { modelKey } from '#shared/inference/model.ts'
import type { DeferredCall, Priority } from '#shared/jobs/deferred-call.ts'
import type { JobServices } from '#shared/jobs/job-services.ts'
import { submitCall } from '#shared/jobs/submit-call.ts'
import { callerOf } from '../authenticate/caller-of.ts'
import type { Call } from '../call.ts'

/**
 * Stores a call to be run later, as its headers say.
 * @throws ServiceError `parameter_invalid`, `scope_missing`, and those of `submitCall`
 */
export async function putOff(
  event: Call,
  entry: ModelEntry,
  jobs: JobServices,
): Promise<DeferredCall> {
  const caller = callerOf(event)
  if (!caller) throw new ServiceError('credentials_missing')
  const { method, path, query, headers, body, sourceIp, sentBytes } = event.request
  const priority = readPriority(headers['percall-priority'])
  if (priority === 'high') requireScope(caller, 'predict:high')
  const webhookUrl = headers['percall-webhook']
  return submitCall(
    {
      caller,
      request: {
        method,
        path,
        query,
        headers: { ...headers, 'x-request-id': event.id },
        body,
        sourceIp,
        ...(sentBytes !== undefined && { sentBytes }),
      },
      model: modelKey(entry),
      lane: entry.manifest.heavy ? 'heavy' : 'light',
      priority,
      ...(webhookUrl !== undefined && { webhookUrl }),
    },
    jobs,
  )
}

function readPriority(word = 'normal'): Priority {
  if (word === 'low' || word === 'normal' || word === 'high') return word
  throw new ServiceError('parameter_invalid', {
    detail: 'The header Percall-Priority is low, normal or high.',
    param: 'percall-priority',
  })
}

import { requireScope } from '#shared/access/require-scope.ts'
import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { checkRequest } from '#shared/inference/check-request.ts'
import { modelKey } from '#shared/inference/model.ts'
import type { DeferredCall, Priority } from '#shared/jobs/deferred-call.ts'
import type { JobServices } from '#shared/jobs/job-services.ts'
import { submitCall } from '#shared/jobs/submit-call.ts'
import type { HttpResponse } from '#shared/protocols/http-message.ts'
import { callerOf } from '../authenticate/caller-of.ts'
import type { Call } from '../call.ts'
import type { DeferOptions } from './defer.ts'

export interface PutOffOptions<Input> extends Omit<DeferOptions<Input>, 'openJobs'> {
  readonly jobs: JobServices
}

/**
 * Stores a call to be run later, as its headers say, if it is not refused as it would be then.
 *
 * @param asked whether its caller wants that, whatever is warm
 * @returns what is answered now; nothing where the call is to be run now
 * @throws ServiceError those of `checkRequest` and `submitCall`, `parameter_invalid`, `scope_missing`
 */
export async function putOff<Input>(
  event: Call<Input>,
  asked: boolean,
  { jobs, entryOf, askedOf, check, encode }: PutOffOptions<Input>,
): Promise<HttpResponse | undefined> {
  const entry = entryOf(event.input)
  if (!asked && (await jobs.warmth.isWarm(modelKey(entry)))) return undefined
  const plain = askedOf?.(event.input)
  if (plain) await checkRequest(entry, plain)
  await check?.(event)
  return encode(await submit(event, entry, jobs), asked, jobs)
}

async function submit(event: Call, entry: ModelEntry, jobs: JobServices): Promise<DeferredCall> {
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

import { ServiceError } from '#shared/errors/service-error.ts'
import type { DeferredCall } from './deferred-call.ts'
import type { JobServices } from './job-services.ts'

export type CallChange = Partial<
  Omit<DeferredCall, 'id' | 'order' | 'revision' | 'createdAt' | 'changedAt'>
>

const mostTries = 20

/**
 * Changes a call as it stands now, as often as somebody else is quicker.
 *
 * @param decide what is to change; `undefined` where nothing is
 * @returns the call as it stands afterwards, and whether this changed it; `undefined` where there is none
 */
export async function changeCall(
  id: string,
  { calls, now }: Pick<JobServices, 'calls' | 'now'>,
  decide: (call: DeferredCall) => CallChange | undefined,
): Promise<{ readonly call: DeferredCall; readonly changed: boolean } | undefined> {
  for (let attempt = 1; attempt <= mostTries; attempt += 1) {
    const seen = await calls.find(id)
    const change = seen && decide(seen)
    if (!seen) return undefined
    if (!change) return { call: seen, changed: false }
    const call = { ...seen, ...change, revision: seen.revision + 1, changedAt: now() }
    if (await calls.replace(call)) return { call, changed: true }
  }
  throw new ServiceError('store_unavailable', { retryAfterSeconds: 1 })
}

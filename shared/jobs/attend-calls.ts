import { listAll } from '#shared/batch/list-all.ts'
import { callMessage } from './call-message.ts'
import { callPlaces } from './call-places.ts'
import { changeCall } from './change-call.ts'
import { type DeferredCall, hasEnded } from './deferred-call.ts'
import { tell } from './finish-call.ts'
import type { JobServices } from './job-services.ts'

/** Calls that are looked after in one pass. */
const mostCalls = 500

/**
 * Makes good what was lost on the way: calls that stand still get their message again, ends that were
 * not told are told, and what was kept long enough is removed. Everything may be repeated.
 */
export async function attendCalls(services: JobServices): Promise<void> {
  for (const call of await services.calls.due(services.now(), mostCalls)) {
    if (hasEnded(call) && call.webhook?.state !== 'pending') await forget(call, services)
    else await rouse(call, services)
  }
}

/** The change of nothing keeps others away from it for a while. */
async function rouse({ id, revision }: DeferredCall, services: JobServices): Promise<void> {
  const roused = await changeCall(id, services, (call) =>
    call.revision === revision ? {} : undefined,
  )
  if (!roused?.changed) return
  const { call } = roused
  if (hasEnded(call)) await tell(call, services)
  else await services.queues[call.order.lane].send([callMessage(call)])
}

/** The bytes first: what is left of them would be found by nobody. */
async function forget({ id }: DeferredCall, { calls, objects }: JobServices): Promise<void> {
  for await (const page of listAll(callPlaces.all(id), objects)) {
    for (const { key } of page) await objects.remove(key)
  }
  await calls.remove(id)
}

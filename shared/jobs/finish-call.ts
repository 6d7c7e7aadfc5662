import type { Handled } from '#shared/batch/batch-services.ts'
import type { HttpResponse } from '#shared/protocols/http-message.ts'
import { callMessage } from './call-message.ts'
import { callPlaces } from './call-places.ts'
import { changeCall } from './change-call.ts'
import type { CallResult, DeferredCall } from './deferred-call.ts'
import type { JobServices } from './job-services.ts'
import { storedAnswer } from './stored-answer.ts'

/**
 * Ends a run with its answer: kept as it would have been sent, and told to whom it concerns. A run
 * that was superseded changes nothing, and leaves its message to whoever waits for one.
 */
export async function finishCall(
  call: DeferredCall,
  response: HttpResponse,
  services: JobServices,
): Promise<Handled> {
  const { objects, now } = services
  const { run } = call
  if (!run) return 'done'
  const key = callPlaces.result(call.id, run.fence)
  await objects.put(key, storedAnswer.write(response), { ifAbsent: true })
  const cost = response.headers['x-cost-units']
  const result: CallResult = {
    status: response.status,
    key,
    ...(cost !== undefined && { charge: BigInt(cost) }),
    runMs: now() - run.startedAt,
  }
  const ended = await changeCall(call.id, services, (current) => {
    if (current.run?.fence !== run.fence) return undefined
    // What was sold is delivered, also where it was asked to stop.
    const state = response.status < 400 ? 'succeeded' : stoppedState(current)
    return { ...endOf(current, state, now()), ...(state !== 'cancelled' && { result }) }
  })
  if (!ended?.changed) return { againAfterMs: 1_000 }
  await tell(ended.call, services)
  return 'done'
}

const stoppedState = ({ cancelAskedAt }: DeferredCall) =>
  cancelAskedAt === undefined ? 'failed' : 'cancelled'

/** What changes when a call ends in any way. */
export const endOf = (
  { order }: DeferredCall,
  state: 'succeeded' | 'failed' | 'cancelled',
  at: number,
) => ({
  state,
  endedAt: at,
  run: undefined,
  ...(order.webhookUrl !== undefined && {
    webhook: { state: 'pending', attempts: 0, nextAt: at } as const,
  }),
})

/** Has the end of a call told, where somebody wants to hear it. */
export async function tell(call: DeferredCall, { queues }: JobServices): Promise<void> {
  if (call.webhook?.state === 'pending') await queues.webhook.send([callMessage(call)])
}

/** Gives a call back: its message comes again after the pause. */
export async function requeueCall(
  call: DeferredCall,
  { mishaps, againAfterMs }: { mishaps: number; againAfterMs: number },
  services: JobServices,
): Promise<Handled> {
  const notBefore = services.now() + againAfterMs
  const requeued = await changeCall(call.id, services, (current) => {
    if (!current.run || current.run.fence !== call.run?.fence) return undefined
    if (current.cancelAskedAt !== undefined) return endOf(current, 'cancelled', services.now())
    return { state: 'queued', run: undefined, mishaps, notBefore }
  })
  if (!requeued?.changed || requeued.call.state === 'queued') return { againAfterMs }
  await tell(requeued.call, services)
  return 'done'
}

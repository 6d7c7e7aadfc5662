import type { DeferredCall } from './deferred-call.ts'
import { hasEnded, readyAt } from './deferred-call.ts'
import type { JobServices } from './job-services.ts'

export type Claim =
  /** It is the worker's, under `call.run.fence`, as long as its lease is renewed. */
  | { readonly kind: 'claimed'; readonly call: DeferredCall }
  /** There is nothing to do for the message. */
  | { readonly kind: 'nothing' }
  | { readonly kind: 'later'; readonly afterMs: number }

/** How long a worker that says nothing is presumed alive: less than its message is hidden. */
export const leaseMs = 20_000

/** Of these the first that can be had is taken; others may be at the same ones. */
const mostCandidates = 20

/**
 * What a worker does for a message. A message is a wake-up of its tenant: whichever of the tenant's
 * calls has its turn is taken, so that one queue serves all priorities, and tenants in turn. There are
 * as many messages as calls; one too many is dropped.
 */
export async function claimCall(
  named: string,
  receives: number,
  services: JobServices,
): Promise<Claim> {
  const { calls, now } = services
  const call = await calls.find(named)
  if (!call) return { kind: 'nothing' }
  const { caller, lane } = call.order
  const { tenant } = caller
  const waiting = await calls.waiting({ lane, tenant, readyBy: now(), limit: mostCandidates })
  // The index may lag behind a call that was put off a moment ago.
  for (const id of new Set([...waiting.map(({ id }) => id), named])) {
    const claimed = await claimOne(id, services)
    if (claimed) return { kind: 'claimed', call: claimed }
  }
  const current = await calls.find(named)
  // One that runs has the message of its worker, which comes again where that one fails.
  const isKept = current?.state === 'queued' || (current?.state === 'running' && receives > 1)
  if (!current || !isKept) return { kind: 'nothing' }
  return { kind: 'later', afterMs: Math.max(100, readyAt(current) - now()) }
}

async function claimOne(
  id: string,
  { calls, now, newId }: JobServices,
): Promise<DeferredCall | undefined> {
  const seen = await calls.find(id)
  const at = now()
  if (!seen || hasEnded(seen) || readyAt(seen) > at) return undefined
  const claimed: DeferredCall = {
    ...seen,
    revision: seen.revision + 1,
    changedAt: at,
    state: 'running',
    attempts: seen.attempts + 1,
    // Whoever had it died with it.
    mishaps: seen.mishaps + (seen.run ? 1 : 0),
    run: { fence: newId(), startedAt: at, leaseUntil: at + leaseMs },
  }
  return (await calls.replace(claimed)) ? claimed : undefined
}

import { type DeferredCall, hasEnded, type Lane } from './deferred-call.ts'
import type { WaitingCall } from './deferred-call-store.ts'
import type { JobServices } from './job-services.ts'

/** How long a call has to go. */
export interface Wait {
  /** How many of the tenant's own calls have their turn before it; 0 of a running one. */
  readonly position: number
  /** What can be said of it; `high` is absent where a run takes longer than any before it. */
  readonly secondsLeft?: { readonly low: number; readonly high?: number | undefined } | undefined
}

/** As far as it is looked. */
const mostWaiting = 1_000
const recent = 50

/**
 * Where a call stands, and between which bounds the time to its end lies, by the last runs of its
 * model: at best all that is before it runs beside it as far as there are workers, at worst each
 * other tenant has a turn for every turn of this one, and every run is a slow one. What an instance
 * takes to start nobody knows: then there is no upper bound.
 */
export async function estimateWait(
  call: DeferredCall,
  { calls, now, workers, warmth }: JobServices,
): Promise<Wait | undefined> {
  if (hasEnded(call)) return undefined
  const { lane, model } = call.order
  const [runs, waiting, isReady] = await Promise.all([
    calls.recentRuns(model, recent),
    call.run ? [] : allWaiting(lane, calls),
    lane === 'light' || call.run !== undefined || warmth.isWarm(model),
  ])
  const { own, all } = call.run ? { own: 0, all: 0 } : placeOf(call, waiting)
  const [quick, slow] = [quantile(runs, 0.1), quantile(runs, 0.9)]
  if (quick === undefined || slow === undefined) return { position: own }
  const elapsed = call.run ? now() - call.run.startedAt : Math.min(0, now() - call.notBefore)
  const { least = 1, most = Number.POSITIVE_INFINITY } = workers?.[lane] ?? {}
  const quickTurns = Math.floor(own / most) + 1
  const slowTurns = Math.ceil((all + 1) / least)
  const low = Math.max(0, quick * quickTurns - elapsed) / 1_000
  const high = (slow * slowTurns - elapsed) / 1_000
  return { position: own, secondsLeft: { low, ...(isReady && high > 0 && { high }) } }
}

const allWaiting = (lane: Lane, calls: JobServices['calls']) =>
  calls.waiting({ lane, limit: mostWaiting })

/** @returns how many go before it of its tenant, and at most of all */
function placeOf({ id, order }: DeferredCall, waiting: readonly WaitingCall[]) {
  const { tenant } = order.caller
  const ofTenants = new Map<string, number>()
  let own: number | undefined
  for (const one of waiting) {
    if (one.id === id) own = ofTenants.get(tenant) ?? 0
    ofTenants.set(one.tenant, (ofTenants.get(one.tenant) ?? 0) + 1)
  }
  const before = own ?? ofTenants.get(tenant) ?? 0
  const others = [...ofTenants].filter(([name]) => name !== tenant)
  const turns = others.map(([, count]) => Math.min(count, before + 1))
  return { own: before, all: turns.reduce((sum, count) => sum + count, before) }
}

function quantile(values: readonly number[], share: number): number | undefined {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]
}

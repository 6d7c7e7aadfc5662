import type { Ledger } from './ledger.ts'
import { meterDefaults } from './meter-defaults.ts'
import type { SaleOutbox, SoldCall } from './sale-outbox.ts'

export interface DrainOptions {
  ledger: Ledger
  outbox: SaleOutbox
  /** Fresh, unguessable: 128 bits. */
  newId: () => string
  now?: () => number
  /** How long an answer can be fetched again. */
  retentionMs?: number
  /** After so long no further call is begun. */
  longestMs?: number
}

const leaseMs = 30_000

/**
 * Books what was sold on trust, each call once, however often this is run, by however many, and
 * wherever it dies: the request key stands for the sale, and a call leaves the outbox only after its
 * charge is in the ledger.
 *
 * @returns how many calls have left the outbox
 * @throws ServiceError `store_unavailable`: the rest waits for the next time
 */
export async function drainOutbox(options: DrainOptions): Promise<number> {
  const { ledger, outbox, newId, now = Date.now } = options
  const { retentionMs, longestMs = Number.POSITIVE_INFINITY } = { ...meterDefaults, ...options }
  const endAt = now() + longestMs

  async function book(call: SoldCall): Promise<boolean> {
    const { charge, units, answer, ...asked } = call
    const [time, fence] = [now(), newId()]
    const attempt = { tenant: call.tenant, requestKey: call.requestKey, fence }
    const reservation = { ...asked, fence, counters: [], leaseUntil: time + leaseMs, now: time }
    const { kind } = await ledger.reserve(reservation)
    // Booked before; the outbox was not told.
    if (kind === 'replay' || kind === 'gone') return true
    // Another attempt is at work or has just died, or the account is no more: the call stays.
    if (kind !== 'reserved') return false
    const stored = { ...answer, expiresAt: time + retentionMs }
    const outcome = await ledger.settle({ ...attempt, charge, units, answer: stored, now: time })
    return outcome.kind === 'finished'
  }

  let left = 0
  for await (const call of outbox.waiting()) {
    if (now() >= endAt) break
    if (!(await book(call))) continue
    await outbox.remove(call)
    left += 1
  }
  return left
}

import { ServiceError } from '#shared/errors/service-error.ts'
import type {
  FinishOutcome,
  Release,
  RequestRecord,
  Reservation,
  ReserveOutcome,
  Settlement,
} from './ledger.ts'
import { type RequestEnding, requestEnding } from './request-ending.ts'
import type { StoredRequest } from './sqlite-ledger-rows.ts'
import type { LedgerTables } from './sqlite-ledger-tables.ts'

/** The transaction behind `Ledger.reserve`. It looks at everything before it moves anything. */
export function reserve(tables: LedgerTables, reservation: Reservation): ReserveOutcome {
  const { tenant, requestKey, now } = reservation
  const stored = tables.requests.find(tenant, requestKey)
  if (stored) {
    const { record } = stored
    if (record.fingerprint !== reservation.fingerprint) return { kind: 'mismatch' }
    if (record.state === 'reserved') return reserveAgain(tables, stored, reservation)
    if (record.answer && record.answer.expiresAt > now) return { kind: 'replay', request: record }
    if (record.state === 'done') return { kind: 'gone' }
  } else if (tables.entries.find(tenant, requestKey)) {
    return { kind: 'gone' }
  }
  return reserveFirst(tables, reservation)
}

function reserveAgain(
  tables: LedgerTables,
  stored: StoredRequest,
  { fence, leaseUntil, now }: Reservation,
): ReserveOutcome {
  const { record, takenOver } = stored
  if (record.fence === fence) return { kind: 'reserved', request: record, takenOver }
  if (record.leaseUntil > now) return { kind: 'in-flight', leaseUntil: record.leaseUntil }
  const request = { ...record, fence, leaseUntil }
  tables.requests.put({ ...stored, record: request, takenOver: true })
  return { kind: 'reserved', request, takenOver: true }
}

function reserveFirst(tables: LedgerTables, reservation: Reservation): ReserveOutcome {
  const { now, retryPointer, ...asked } = reservation
  const { tenant, requestKey, hold, counters } = asked
  const account = tables.accounts.find(tenant)
  if (!account) return { kind: 'no-account' }
  const { mode, available } = account
  if (mode === 'prepaid' && available < hold) return { kind: 'no-credit', available }
  for (const counter of counters) {
    const used = tables.counters.used(counter.id)
    if (counter.limit !== undefined && used + counter.amount > counter.limit) {
      return { kind: 'limit', counter, used }
    }
  }
  tables.accounts.move(tenant, { available: mode === 'prepaid' ? -hold : 0n, held: hold })
  for (const { id, amount } of counters) tables.counters.add(id, amount)
  const request: RequestRecord = {
    ...asked,
    state: 'reserved',
    createdAt: now,
    answer: undefined,
    charge: undefined,
  }
  const fresh = { takenOver: false, answerFile: undefined, forgetAt: undefined }
  tables.requests.put({ record: request, mode, ...fresh })
  if (retryPointer) tables.pointers.put(tenant, retryPointer.key, requestKey, retryPointer.until)
  return { kind: 'reserved', request, takenOver: false }
}

/** The transaction behind `Ledger.settle`; `answerFile` where the body lies in one already. */
export const settle = (
  tables: LedgerTables,
  settlement: Settlement,
  answerFile: string | undefined,
): FinishOutcome => finish(tables, requestEnding.fromSettlement(settlement), answerFile)

/** The transaction behind `Ledger.release`. */
export const release = (
  tables: LedgerTables,
  ending: Release,
  answerFile: string | undefined,
): FinishOutcome => finish(tables, requestEnding.fromRelease(ending), answerFile)

function finish(
  tables: LedgerTables,
  ending: RequestEnding,
  answerFile: string | undefined,
): FinishOutcome {
  const { tenant, requestKey, fence, state, charge, answer, now } = ending
  const stored = tables.requests.find(tenant, requestKey)
  if (!stored) return { kind: 'lost', request: undefined }
  const { record: standing, mode } = stored
  const account = tables.accounts.find(tenant)
  if (!account || standing.fence !== fence) return { kind: 'lost', request: standing }
  if (standing.state === state) return { kind: 'finished', request: standing, account }
  if (standing.state !== 'reserved') return { kind: 'lost', request: standing }

  const { hold, counters, sale } = standing
  const paid = charge ?? 0n
  const request = { ...standing, state, charge, answer }
  if (paid < 0n || paid > hold) {
    throw new ServiceError('internal', { detail: 'A charge is between nothing and its hold.' })
  }
  const moved = tables.accounts.move(tenant, {
    available: mode === 'prepaid' ? hold - paid : 0n,
    held: -hold,
    spent: paid,
  })
  for (const counter of counters) {
    tables.counters.add(counter.id, -requestEnding.givenBack(ending, counter))
  }
  const forgetAt = requestEnding.forgetAt(ending)
  tables.requests.put({ ...stored, record: request, answerFile, forgetAt })
  const { currency } = account
  const entry = { ...ending.entry, tenant, amount: paid, currency, at: now, sale }
  // A fence that was used again after its own void has its entry already.
  const recorded = state !== 'done' && tables.entries.find(tenant, entry.id)
  if (!recorded) tables.entries.add({ ...entry, creditExpiresAt: undefined })
  return { kind: 'finished', request, account: moved }
}

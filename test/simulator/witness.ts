import type {
  FinishOutcome,
  Lease,
  Ledger,
  LedgerEntry,
  PostOutcome,
  Release,
  RequestRecord,
  Reservation,
  ReserveOutcome,
  Settlement,
} from '#shared/metering/ledger.ts'
import { type Attempt, textOf } from './attempt.ts'
import { createBooks, type Report } from './books.ts'
import { checkExpiry, checkPosting, checkSale, type Grant } from './money-rules.ts'
import { type Scenario, timeoutMs } from './scenario.ts'

export interface WitnessOptions {
  readonly ledger: Ledger
  readonly scenario: Scenario
  /** True time. */
  readonly now: () => number
  readonly report: Report
  /** Something happened that a proof should have seen at least once. */
  readonly count: (event: string) => void
}

export type Witness = ReturnType<typeof createWitness>

/** So long a lease outlives the time that a model may take. */
const leaseMarginMs = 5_000

/**
 * Sees every operation at the moment when the ledger does it, whoever may learn of it, and says
 * which invariant it breaks. The rules are numbered as in the README.
 */
export function createWitness({ ledger, scenario, now, report, count }: WitnessOptions) {
  const books = createBooks(ledger, scenario.tenants, report)
  const attempts = new Map<string, Attempt>()
  const fingerprints = new Map<string, string>()
  /** What each fence was given: more than once where its reserve arrived again much later. */
  const grants = new Map<string, Grant[]>()
  /** Who gave a hold back last. */
  const released = new Map<string, string>()
  const rejections = new Map<string, string>()

  function reserved(asked: Reservation, outcome: Granted): void {
    const { requestKey, fence, tenant, fingerprint } = asked
    const { hold, counters } = outcome.request
    const { priceId } = outcome.request.sale
    const attempt = attempts.get(fence)
    if (attempt) attempt.leaseUntil = outcome.request.leaseUntil
    grants.set(fence, [...(grants.get(fence) ?? []), { hold, priceId }])
    if (books.sold.has(requestKey)) report('I2', `${requestKey} is sold, and reserved again`)
    if (outcome.request.fence !== fence) report('I7', `${fence} was given another one's hold`)
    const open = books.open.get(requestKey)
    if (!open) {
      if (hold !== asked.hold) report('I11', `${hold} is held, ${asked.hold} was asked`)
      fingerprints.set(requestKey, fingerprint)
      rejections.delete(requestKey)
      books.hold(requestKey, { fence, tenant, hold, counters })
      return
    }
    if (hold !== open.hold) report('I7', `${requestKey} holds ${hold} after ${open.hold}`)
    if (open.fence === fence) return
    count('takeover')
    checkIsOver(open.fence, `${fence} takes over`)
    books.open.set(requestKey, { ...open, fence })
  }

  /** W1: nobody is given up who may still be at work, as long as all clocks are right. */
  function checkIsOver(fence: string, what: string): void {
    const attempt = attempts.get(fence)
    if (!scenario.hasTrueClocks || attempt?.ticketAt === undefined) return
    if (attempt.ended || !attempt.actor.alive) return
    if (now() < (attempt.leaseUntil ?? 0)) report('W1', `${what}, and ${fence} has a lease`)
    const waitedMs = attempt.ticketAt - (attempt.askedAt ?? 0)
    const isPromised = waitedMs < leaseMarginMs && now() < attempt.ticketAt + timeoutMs
    if (isPromised) report('W1', `${what}, and ${fence} had time left`)
  }

  function checkRefusal(asked: Reservation, outcome: Refused): void {
    const { requestKey, hold } = asked
    const isKnown = fingerprints.get(requestKey) === asked.fingerprint
    const isFalse = {
      replay: !books.sold.has(requestKey) && !rejections.has(requestKey),
      'in-flight':
        !books.open.has(requestKey) ||
        (outcome.kind === 'in-flight' && outcome.leaseUntil <= asked.now),
      mismatch: isKnown,
      gone: !books.sold.has(requestKey),
      'no-account': true,
      'no-credit': outcome.kind === 'no-credit' && outcome.available >= hold,
      limit:
        outcome.kind === 'limit' &&
        books.used(outcome.counter.id) + outcome.counter.amount <= (outcome.counter.limit ?? 0n),
    }[outcome.kind]
    if (isFalse) report('I14', `${requestKey} was refused for nothing: ${outcome.kind}`)
    if (outcome.kind !== 'replay') return
    if (!isKnown) report('I8', `${requestKey} replays the answer to another payload`)
    const { body } = outcome.request.answer ?? {}
    const stored = books.sold.get(requestKey)?.body ?? rejections.get(requestKey)
    if (textOf(body) !== stored) report('I8', `${requestKey} replays other bytes than were stored`)
  }

  return {
    books,
    report,
    attempts,
    count,

    asksToReserve({ fence, requestKey, counters }: Reservation): void {
      const attempt = attempts.get(fence)
      if (!attempt) return
      attempt.askedAt ??= now()
      const { client, call } = attempt
      const limits = [...call.parties.map((party) => party.limits), client.tenant.limits]
      const expected = limits.flatMap((of) => Object.keys(of)).length
      if (counters.length !== expected) report('I5', `${fence} passes by ${expected} limits`)
      const isRetry = client.kind === 'counted' && (call.retry?.count ?? 0) > 0
      if (!isRetry && requestKey !== call.requestKey) report('I2', `${fence} is taken for a retry`)
    },

    /** W1: no model runs but for an attempt that was given the hold. */
    runs(attempt: Attempt): void {
      attempt.ticketAt = now()
      if (!grants.has(attempt.id)) report('W1', `${attempt.id} runs without a hold`)
    },

    /** W1: who has renewed has as much time again; who was told that it is over does not go on. */
    async renews(attempt: Attempt, renew: () => Promise<void>): Promise<void> {
      const askedAt = now()
      attempt.renewals = []
      await renew()
      const said: readonly string[] = attempt.renewals
      if (said.length > 0 && !said.includes('renewed')) {
        report('W1', `${attempt.id} works on, and has lost its lease`)
      }
      const wasAlive = askedAt < (attempt.ticketAt ?? 0) + timeoutMs
      if (wasAlive) Object.assign(attempt, { askedAt, ticketAt: now() })
    },

    async reserved(asked: Reservation, outcome: ReserveOutcome): Promise<void> {
      count(outcome.kind)
      if (outcome.kind === 'reserved') reserved(asked, outcome)
      else checkRefusal(asked, outcome)
      await books.compare(asked.tenant, asked.counters)
    },

    async settled(asked: Settlement, outcome: FinishOutcome): Promise<void> {
      const { requestKey, fence, tenant, charge } = asked
      const open = books.open.get(requestKey)
      const before = books.sold.get(requestKey)
      if (outcome.kind === 'lost') {
        count('settle lost')
        if (open?.fence === fence) report('I7', `${fence} holds ${requestKey} and may not settle`)
        return books.compare(tenant)
      }
      count('settled')
      if (before) {
        if (before.fence !== fence)
          report('I2', `${requestKey} is sold by ${before.fence} and ${fence}`)
      } else if (open) {
        if (open.fence !== fence) report('I7', `${fence} settles what ${open.fence} holds`)
        if (charge > open.hold) report('I7', `${charge} is charged of a hold of ${open.hold}`)
        checkSale(attempts.get(fence), asked, grants.get(fence) ?? [], report)
        const body = textOf(asked.answer.body)
        books.sell(requestKey, open, { fence, tenant, charge, body })
      } else {
        report('I1', `${fence} charges for ${requestKey} without a hold`)
      }
      await books.compare(tenant, open?.counters)
    },

    /**
     * A reserve that arrives again much later may give an old attempt the smaller hold of a newer
     * one. That it cannot charge more than that is the ledger's last guard: an error, and no sale.
     */
    isGuarded({ requestKey, fence, charge }: Settlement): boolean {
      const hold = books.open.get(requestKey)?.hold
      if (hold === undefined || hold >= charge || (grants.get(fence)?.length ?? 0) < 2) return false
      const attempt = attempts.get(fence)
      if (attempt) attempt.isGuarded = true
      return true
    },

    async released(asked: Release, outcome: FinishOutcome): Promise<void> {
      const { requestKey, fence, tenant } = asked
      const open = books.open.get(requestKey)
      if (outcome.kind === 'lost') {
        if (open?.fence === fence) report('I7', `${fence} holds ${requestKey} and may not release`)
        return books.compare(tenant)
      }
      count(asked.reason)
      if (books.sold.has(requestKey)) report('I7', `${requestKey} is sold, and released`)
      else if (open) {
        if (open.fence !== fence) report('I7', `${fence} releases what ${open.fence} holds`)
        if (asked.reason === 'lease-expired') checkIsOver(fence, 'the sweeper gives up')
        books.giveBack(requestKey, open)
        released.set(requestKey, fence)
        if (asked.outcome.kind === 'rejected') {
          rejections.set(requestKey, textOf(asked.outcome.answer.body))
        }
      } else if (released.get(requestKey) !== fence) {
        report('I7', `${fence} releases ${requestKey}, which it does not hold`)
      }
      await books.compare(tenant, open?.counters)
    },

    /** I7: whoever holds a request may go on, and nobody else. */
    renewed({ requestKey, fence, leaseUntil }: Lease, outcome: 'renewed' | 'lost'): void {
      count(outcome)
      const attempt = attempts.get(fence)
      attempt?.renewals?.push(outcome)
      // One that comes too late may meet a sweeper who has looked before.
      if (attempt && outcome === 'renewed' && now() < (attempt.leaseUntil ?? 0)) {
        attempt.leaseUntil = Math.max(attempt.leaseUntil ?? 0, leaseUntil)
      }
      const isMine = books.open.get(requestKey)?.fence === fence
      if (isMine !== (outcome === 'renewed')) report('I7', `${fence} of ${requestKey}: ${outcome}`)
    },

    async posted(entry: LedgerEntry, outcome: PostOutcome): Promise<void> {
      count(`${entry.type} ${outcome.kind}`)
      if (outcome.kind === 'posted') {
        checkExpiry(books, entry, report)
        books.post(entry)
        checkPosting(books, entry, now(), report)
      }
      await books.compare(entry.tenant)
    },

    async foundRetried(id: string, found: RequestRecord | undefined): Promise<void> {
      const attempt = attempts.get(id)
      if (attempt && found) attempt.found = found.requestKey
    },
  }
}

type Granted = Extract<ReserveOutcome, { kind: 'reserved' }>
type Refused = Exclude<ReserveOutcome, Granted>

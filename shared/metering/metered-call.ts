import { ServiceError } from '#shared/errors/service-error.ts'
import { counterHolds, type LimitedParty, limitedParties } from './counter-holds.ts'
import type {
  Account,
  FinishOutcome,
  Ledger,
  RequestRecord,
  Reservation,
  StoredAnswer,
  Units,
} from './ledger.ts'
import { meterDefaults } from './meter-defaults.ts'
import type { Micros } from './money.ts'
import { chargeOf, type Price, type PriceBook, priceOf } from './price-book.ts'
import { refusalOf } from './refusal-of.ts'
import { saleOf } from './sale-of.ts'
import { createSurely } from './surely.ts'

/** One paid call as it arrives: who, what, and how a retry of it is recognised. */
export interface PaidCall {
  readonly tenant: string
  readonly keyId: string
  readonly project: string | undefined
  /** The key and its project, with their limits; the tenant's own are the account's. */
  readonly parties: readonly LimitedParty[]
  /** Calls of `pc_test_` keys take the same path and cost nothing. */
  readonly free: boolean
  /** Hash of (tenant, route, idempotency key), or a random id where the caller sent no key. */
  readonly requestKey: string
  readonly fingerprint: string
  /** Whether the caller sent an idempotency key. */
  readonly keyed?: boolean
  /** Hash of (tenant, key, route, body) where the client counts its retries, and which one this is. */
  readonly retry: { readonly pointer: string; readonly count: number } | undefined
  readonly model: string
  readonly modelDigest: string
  readonly priceName: string
  /** The snapshot to charge by, where it was fixed before; else the one in force. */
  readonly priceId?: string | undefined
  /** What is known before the run; of compute time the upper bound. */
  readonly units: Units
  /** How long the model may take. */
  readonly timeoutMs: number
}

/** A call that may run. Exactly one of the two ends it. */
export interface Ticket {
  readonly kind: 'run'
  /** The model that the first attempt pinned, e.g. `iris@1`. */
  readonly model: string
  /** The most that it can cost. */
  readonly hold: Micros
  /**
   * Stores the answer and charges for it; only then may it leave.
   * @param units what was really consumed
   * @throws ServiceError `attempt_superseded`, `store_unavailable`: nothing may leave
   */
  settle(answer: Omit<StoredAnswer, 'expiresAt'>, units: Units): Promise<Receipt>
  /**
   * Says that the run goes on: the lease begins anew. For work that may outlast its first one.
   * @throws ServiceError `attempt_superseded`: whatever the run gives can no longer be sold
   */
  renew(): Promise<void>
  /** Gives the hold back. With an answer, the same request gets it again: it is the caller's error. */
  release(reason: string, answer?: Omit<StoredAnswer, 'expiresAt'>): Promise<void>
}

/** What leaves, and what it cost. */
export interface Receipt {
  readonly kind: 'answered'
  readonly answer: StoredAnswer
  readonly charge: Micros
  readonly account: Account | undefined
  /** The bytes are those of an earlier attempt. */
  readonly replayed: boolean
}

export interface MeterOptions {
  ledger: Ledger
  prices: PriceBook
  now?: () => number
  /** Fresh, unguessable: 128 bits. */
  newId: () => string
  sleep: (ms: number) => Promise<unknown>
  /** How long an answer can be fetched again. */
  retentionMs?: number
  /** Added to the time a model may take: until then an attempt is presumed alive. */
  leaseMarginMs?: number
  /** How often a store that does not answer is asked again, with the same parameters. */
  storeAttempts?: number
  /** How long after a request a retry without an idempotency key finds it. */
  retryWindowMs?: number
}

export type Meter = ReturnType<typeof createMeter>

/** Reserve, run, settle: a call is charged once if and only if its answer is stored. */
export function createMeter(options: MeterOptions) {
  const { ledger, prices, newId, sleep, now = Date.now } = options
  const { retentionMs, leaseMarginMs, retryWindowMs } = { ...meterDefaults, ...options }
  const surely = createSurely(options)

  function quote(call: PaidCall, price: Price): Micros {
    return call.free ? 0n : priceOf(price, call.units)
  }

  /** @throws ServiceError where the call may not run, with the reason and what to do */
  async function begin(call: PaidCall): Promise<Ticket | Receipt> {
    const { tenant } = call
    const requestKey = await findRequestKey(call)
    const account = await surely(() => ledger.account(tenant))
    if (!account) throw new ServiceError('account_missing')
    const time = now()
    const price = call.priceId ? prices.byId(call.priceId) : prices.current(call.priceName, time)
    if (price.currency !== account.currency) {
      throw new ServiceError('currency_mismatch', {
        detail: `The price is in ${price.currency}, the account in ${account.currency}.`,
      })
    }
    const hold = quote(call, price)
    const parties = limitedParties(call, account.limits)
    const reservation: Reservation = {
      tenant,
      requestKey,
      fingerprint: call.fingerprint,
      fence: newId(),
      leaseUntil: time + call.timeoutMs + leaseMarginMs,
      hold,
      counters: counterHolds(parties, hold, time, call.units.calls),
      sale: saleOf(call, price),
      now: time,
      retryPointer: call.retry && { key: call.retry.pointer, until: time + retryWindowMs },
    }
    const outcome = await surely(() => ledger.reserve(reservation))
    if (outcome.kind === 'replay') return replayOf(outcome.request, account)
    if (outcome.kind !== 'reserved') throw refusalOf(outcome, time)
    return ticket(outcome.request, call)
  }

  function ticket(request: RequestRecord, { free, timeoutMs }: PaidCall): Ticket {
    const { tenant, requestKey, fence, hold, sale } = request
    const price = prices.byId(sale.priceId)
    return {
      kind: 'run',
      model: sale.model,
      hold,
      async settle(answer, units) {
        const time = now()
        const settlement = {
          tenant,
          requestKey,
          fence,
          charge: chargeOf(price, units, { hold, free }),
          units,
          answer: { ...answer, expiresAt: time + retentionMs },
          now: time,
        }
        return receiptOf(await surely(() => ledger.settle(settlement)), fence)
      },
      async renew() {
        const lease = { tenant, requestKey, fence, leaseUntil: now() + timeoutMs + leaseMarginMs }
        if ((await surely(() => ledger.renew(lease))) === 'lost') {
          throw new ServiceError('attempt_superseded', { retryAfterSeconds: 1 })
        }
      },
      async release(reason, answer) {
        const time = now()
        const outcome = answer
          ? ({ kind: 'rejected', answer: { ...answer, expiresAt: time + retentionMs } } as const)
          : ({ kind: 'void' } as const)
        // What cannot be released now, the sweeper releases when the lease is over.
        await surely(() =>
          ledger.release({ tenant, requestKey, fence, outcome, reason, now: time }),
        ).catch(() => undefined)
      },
    }
  }

  /**
   * A retry by a client that sends no idempotency key but counts its tries (the `openai` packages)
   * goes by the key of the call that it repeats, also where that one may have died: so that the two
   * are charged once. The first try is always a new call.
   */
  async function findRequestKey(call: PaidCall): Promise<string> {
    if (!call.retry || call.retry.count === 0) return call.requestKey
    const { pointer } = call.retry
    // Counted, not read off a clock, which may jump back.
    let waitedMs = 0
    for (let waitMs = 50; ; waitMs = Math.min(2 * waitMs, 1_000)) {
      const found = await surely(() => ledger.findRetried(call.tenant, pointer, now()))
      const isRunning = found?.state === 'reserved' && found.leaseUntil > now()
      if (!isRunning) return found?.requestKey ?? call.requestKey
      if (waitedMs >= call.timeoutMs) {
        throw refusalOf({ kind: 'in-flight', leaseUntil: found.leaseUntil }, now())
      }
      await sleep(waitMs)
      waitedMs += waitMs
    }
  }

  return { begin, quote }
}

function receiptOf(outcome: FinishOutcome, fence: string): Receipt {
  const { request } = outcome
  // An attempt that lost never sends its own result: that would be an answer nobody paid for.
  if (outcome.kind === 'lost') {
    if (request?.state === 'done') return replayOf(request, undefined)
    throw new ServiceError('attempt_superseded', { retryAfterSeconds: 1 })
  }
  if (!request?.answer || request.fence !== fence) throw new ServiceError('attempt_superseded')
  return {
    kind: 'answered',
    answer: request.answer,
    charge: request.charge ?? 0n,
    account: outcome.account,
    replayed: false,
  }
}

function replayOf(request: RequestRecord, account: Account | undefined): Receipt {
  if (!request.answer) throw new ServiceError('attempt_superseded', { retryAfterSeconds: 1 })
  const charge = request.charge ?? 0n
  return { kind: 'answered', answer: request.answer, charge, account, replayed: true }
}

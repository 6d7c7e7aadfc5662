import type { Currency, Micros } from './money.ts'

/**
 * The ledger: balances, requests and immutable entries behind atomic operations. Every driver passes
 * one contract suite. The rules that hold after any interleaving and any crash:
 *
 * - a charge entry exists for a request if and only if its answer is stored;
 * - at most one charge per (tenant, request key), for ever;
 * - prepaid: top-ups + refunds - expiries = available + held + spent, and no part is negative;
 * - no counter passes its limit, not by one unit;
 * - every hold ends once: settled (all or part) or released.
 *
 * Money never depends on time: state and fence decide who may finish a request; a lease only
 * decides who may try. After Gray's escrow method and TigerBeetle's two-phase transfers.
 *
 * Every method throws ServiceError `store_unavailable` when the store does not answer as it should.
 * The outcome is then unknown, and calling again with the very same parameters is safe.
 */
export interface Ledger {
  /** Creates or takes over the request and moves its hold, in one transaction. */
  reserve(reservation: Reservation): Promise<ReserveOutcome>
  /** Stores the answer, turns the hold into a charge and writes the entry, in one transaction. */
  settle(settlement: Settlement): Promise<FinishOutcome>
  /** Gives the hold back; nothing was sold. Writes an entry of amount 0 that says why. */
  release(release: Release): Promise<FinishOutcome>
  /**
   * Writes a charge of a postpaid account that no hold went before and no stored answer stands
   * behind, and moves what is spent. Nothing can be replayed, and no counter is touched.
   */
  sell(charge: LedgerEntry): Promise<SellOutcome>
  /**
   * Says that an attempt is still at work: moves the end of its lease, never to an earlier time.
   * `lost` where the request is no longer reserved under this fence.
   */
  renew(lease: Lease): Promise<'renewed' | 'lost'>
  /** The request as it stands, also where its answer may have expired. */
  find(tenant: string, requestKey: string): Promise<RequestRecord | undefined>
  /** The latest request that was reserved with this retry pointer, unless that has expired. */
  findRetried(tenant: string, pointer: string, now: number): Promise<RequestRecord | undefined>
  /** Requests still reserved whose lease ended before `time`, oldest first: what the sweeper voids. */
  expiredLeases(time: number, limit: number): Promise<RequestRecord[]>

  /** Creates the account, or nothing where there is one: also `exists` where the reply was lost. */
  createAccount(account: AccountSettings): Promise<'created' | 'exists'>
  /** Creates the account, or changes its settings; balances are untouched. */
  putAccount(account: AccountSettings): Promise<void>
  /** `undefined` where there is no such tenant. */
  account(tenant: string): Promise<Account | undefined>
  /** What is used of each counter, in the order asked; 0 where nothing is. */
  counters(ids: readonly string[]): Promise<bigint[]>
  /**
   * Writes an entry that is no charge (`topup`, `refund`, `expiry`) and moves the balance; with
   * `unchanged`, only while the account has spent and holds exactly that (else `changed`).
   */
  post(entry: LedgerEntry, unchanged?: Pick<Account, 'spent' | 'held'>): Promise<PostOutcome>
  /** The entry of this id, as of now: `entries` may lag behind it. */
  entry(tenant: string, id: string): Promise<LedgerEntry | undefined>
  /** Entries of a tenant in order of (time, id). */
  entries(query: EntryQuery): Promise<EntryPage>
  /** All tenants that have an account. */
  tenants(): Promise<string[]>
  close(): Promise<void>
}

/** `prepaid` pays from credit; `postpaid` is invoiced, held only by its counters' limits. */
export type AccountMode = 'prepaid' | 'postpaid'

/**
 * How calls are charged: each by a hold and a settlement (`strict`), by one write and without replays
 * (`single-write`), or many by one hold and one settlement (`leased`). What each can lose stands in
 * the README. A call that must be recognised when it comes again is always strict.
 */
export type MeteringMode = 'strict' | 'single-write' | 'leased'

export interface AccountSettings {
  readonly tenant: string
  readonly currency: Currency
  readonly mode: AccountMode
  readonly limits: AccountLimits
  /** Whether a postpaid account without caps is served while the ledger does not answer. */
  readonly trusted?: boolean | undefined
  /** Default: `strict`. */
  readonly metering?: MeteringMode | undefined
  /**
   * Over how many items DynamoDB spreads the balance, 1 to 64; default 1. One takes about 200 calls a
   * second. It may change at any time; a ledger of one machine keeps the number and needs one.
   */
  readonly shards?: number | undefined
}

/** Of the tenant as a whole, and of its projects by name; those of a key are kept with the key. */
export interface AccountLimits extends CallLimits {
  readonly projects?: Readonly<Record<string, CallLimits>> | undefined
}

/** Absent means unlimited. */
export interface CallLimits {
  /** Micros that may be spent in a calendar month (UTC), holds included. */
  readonly monthlySpend?: Micros | undefined
  /** Successful and running calls of a day (UTC). */
  readonly dailyCalls?: number | undefined
  /** Calls running at the same time. */
  readonly concurrency?: number | undefined
  /** Calls per minute, and how many of them may come at once. */
  readonly rate?: { readonly perMinute: number; readonly burst: number } | undefined
}

export interface Account extends AccountSettings {
  readonly available: Micros
  readonly held: Micros
  readonly spent: Micros
}

/**
 * A number that may not pass a limit: money of a month, calls of a day, calls at a time. The period
 * is part of the id, so a new one begins at 0 by itself.
 */
export interface CounterHold {
  /** e.g. `key:k1:spend:2026-11`. */
  readonly id: string
  readonly scope: 'job' | 'key' | 'project' | 'tenant'
  readonly kind: 'spend' | 'calls' | 'concurrency'
  /** Added by reserve; given back by release. */
  readonly amount: bigint
  /** Reserve fails if the counter would pass it. */
  readonly limit: bigint | undefined
}

export interface Reservation {
  readonly tenant: string
  /** Hash of (tenant, route, idempotency key), or a random id where the caller sent no key. */
  readonly requestKey: string
  /** SHA-256 of what was asked: the same key with another one is a mistake. */
  readonly fingerprint: string
  /** Fresh for every attempt, 128 random bits: only the attempt stored last may finish. */
  readonly fence: string
  readonly leaseUntil: number
  readonly hold: Micros
  readonly counters: readonly CounterHold[]
  readonly sale: Sale
  readonly now: number
  /** Another name under which a retry without a key finds this request, and until when. */
  readonly retryPointer?: { readonly key: string; readonly until: number } | undefined
}

/** For how long an attempt is presumed alive. */
export type Lease = Pick<Reservation, 'tenant' | 'requestKey' | 'fence' | 'leaseUntil'>

/** What is being sold. Pinned by the first attempt: a takeover sells the same at the same price. */
export interface Sale {
  readonly keyId: string
  readonly project: string | undefined
  /** `iris@1`, and the digest of the file that answers. */
  readonly model: string
  readonly modelDigest: string
  /** The price's snapshot, e.g. `per-call@2026-11-01`. */
  readonly priceId: string
}

export type ReserveOutcome =
  /** Run the model. A takeover keeps hold, counters and sale of the first attempt. */
  | { readonly kind: 'reserved'; readonly request: RequestRecord; readonly takenOver: boolean }
  /** Already answered (`done` or `rejected`): send the stored answer. */
  | { readonly kind: 'replay'; readonly request: RequestRecord }
  /** Another attempt is running. */
  | { readonly kind: 'in-flight'; readonly leaseUntil: number }
  /** The key was used for another request. */
  | { readonly kind: 'mismatch' }
  /** Charged once, and the answer has expired. */
  | { readonly kind: 'gone' }
  | { readonly kind: 'no-account' }
  | { readonly kind: 'no-credit'; readonly available: Micros }
  | { readonly kind: 'limit'; readonly counter: CounterHold; readonly used: bigint }

export type RequestState = 'reserved' | 'done' | 'void' | 'rejected'

export interface RequestRecord {
  readonly tenant: string
  readonly requestKey: string
  readonly state: RequestState
  readonly fingerprint: string
  readonly fence: string
  readonly leaseUntil: number
  readonly hold: Micros
  readonly counters: readonly CounterHold[]
  readonly sale: Sale
  readonly createdAt: number
  /** With `done` and `rejected`. */
  readonly answer: StoredAnswer | undefined
  /** With `done`. */
  readonly charge: Micros | undefined
}

/** An answer as its bytes, so that a replay is the same to the last one. */
export interface StoredAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
  /** When it may be forgotten; the charge stays. */
  readonly expiresAt: number
}

export interface Settlement {
  readonly tenant: string
  readonly requestKey: string
  readonly fence: string
  /** 0 to the hold; the rest returns. */
  readonly charge: Micros
  readonly units: Units
  readonly answer: StoredAnswer
  readonly now: number
}

export interface Release {
  readonly tenant: string
  readonly requestKey: string
  readonly fence: string
  /** `rejected` stores the answer: a deterministic error of the caller's repeats identically. */
  readonly outcome:
    | { readonly kind: 'void' }
    | { readonly kind: 'rejected'; readonly answer: StoredAnswer }
  /** For usage reports: the error code, or `lease-expired`. */
  readonly reason: string
  readonly now: number
}

export type FinishOutcome =
  /** Also when this very attempt had finished before and its reply was lost. */
  | { readonly kind: 'finished'; readonly request: RequestRecord; readonly account: Account }
  /** This attempt is not, or no longer, the one that may finish. `request` is what stands now. */
  | { readonly kind: 'lost'; readonly request: RequestRecord | undefined }

/** What was consumed; absent is 0. */
export interface Units {
  readonly calls?: number
  readonly rows?: number
  /** Of the request's body as it was sent. */
  readonly inputBytes?: number
  /** Of its images, together. */
  readonly pixels?: number
  readonly inputTokens?: number
  readonly outputTokens?: number
  readonly computeMs?: number
}

export type EntryType = 'charge' | 'void' | 'rejection' | 'topup' | 'refund' | 'expiry'

/** Never changes. A correction is a new entry that points at an old one. */
export interface LedgerEntry {
  readonly tenant: string
  /** Unique per tenant. Of a charge the request key, so that a second one is impossible. */
  readonly id: string
  readonly type: EntryType
  /** Never negative; the type says which way it goes. */
  readonly amount: Micros
  readonly currency: Currency
  readonly at: number
  readonly sale: Sale | undefined
  readonly units: Units
  /** Of a refund the charge it corrects; of a top-up the payment; of a void the reason; of a charge by `sell` the word `single-write`. */
  readonly reference: string | undefined
  /** Of a top-up: when what is left of it expires. */
  readonly creditExpiresAt: number | undefined
  /**
   * Of an entry that is posted: what the account had spent by then, so that what each credit was used
   * for follows from these entries alone. `post` fills it in, and no other entry has it.
   */
  readonly spentBefore?: Micros | undefined
}

export type PostOutcome =
  /** `duplicate`: an entry of this id and the same content stood already; nothing was done. */
  | { readonly kind: 'posted' | 'duplicate'; readonly account: Account }
  /** Another entry has this id. */
  | { readonly kind: 'conflict' }
  /** The account is no longer as `unchanged` says. */
  | { readonly kind: 'changed' }
  | { readonly kind: 'no-account' }
  | { readonly kind: 'currency-mismatch'; readonly currency: Currency }
  /** A refund of a charge that does not exist, or beyond what is left of it. */
  | { readonly kind: 'not-refundable'; readonly left: Micros }
  /** An expiry of more than is available. */
  | { readonly kind: 'no-credit'; readonly available: Micros }

export type SellOutcome =
  /** Also where this very entry stood already. */
  | { readonly kind: 'sold' }
  /** Another entry has this id. */
  | { readonly kind: 'conflict' }
  | { readonly kind: 'no-account' }
  | { readonly kind: 'not-postpaid' }
  | { readonly kind: 'currency-mismatch'; readonly currency: Currency }

export interface EntryQuery {
  readonly tenant: string
  /** Epoch milliseconds; `from` included, `to` excluded. */
  readonly from?: number | undefined
  readonly to?: number | undefined
  readonly types?: readonly EntryType[] | undefined
  /** Entries after this place. */
  readonly after?: { readonly at: number; readonly id: string } | undefined
  readonly limit: number
}

export interface EntryPage {
  readonly entries: readonly LedgerEntry[]
  /** Where the next page begins; absent on the last. */
  readonly next?: { readonly at: number; readonly id: string } | undefined
}

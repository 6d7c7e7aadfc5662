import type { Caller } from '#shared/access/caller.ts'
import type { Micros } from '#shared/metering/money.ts'

/**
 * A call that was put off: a job. What never changes stands in `order`; the rest is what has become
 * of it.
 *
 * queued ⇄ running → succeeded or failed; both can become cancelled instead
 */
export interface DeferredCall {
  readonly id: string
  readonly order: CallOrder
  /** 1 when it is created; each change adds one, and who has seen an older one changes nothing. */
  readonly revision: number
  readonly createdAt: number
  readonly changedAt: number
  readonly state: CallState
  /** Runs that were begun. */
  readonly attempts: number
  /** Of them, those whose worker died or that failed on our side. */
  readonly mishaps: number
  /** Of a queued one: not before. */
  readonly notBefore: number
  /** Of a running one. */
  readonly run?: CallRun | undefined
  /** When a running one was asked to stop. */
  readonly cancelAskedAt?: number | undefined
  readonly endedAt?: number | undefined
  /** Of `succeeded` and `failed`. */
  readonly result?: CallResult | undefined
  readonly webhook?: WebhookState | undefined
}

export type CallState = 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled'

/** Calls of heavy models have a queue and workers of their own. */
export type Lane = 'light' | 'heavy'

/** Within a tenant: what is `high` goes before what is `normal`. */
export type Priority = 'high' | 'normal' | 'low'

/** What was asked, by whom. */
export interface CallOrder {
  /** As he was then, without his limits; whether his key still holds is looked up before each run. */
  readonly caller: Caller
  readonly request: StoredRequest
  /** The version in force then, e.g. `iris@1`. */
  readonly model: string
  readonly lane: Lane
  readonly priority: Priority
  /** Hash of the request, by which another one under the same key is told. */
  readonly fingerprint: string
  /** Who is told of its end. */
  readonly webhookUrl?: string | undefined
}

/** A request but for its body, which lies in the object store. */
export interface StoredRequest {
  readonly method: string
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  /** Those that matter. */
  readonly headers: Readonly<Record<string, string>>
  readonly sourceIp: string
  /** What came over the wire, where the body was compressed: it is what is paid for. */
  readonly sentBytes?: number | undefined
  readonly bodyKey: string
}

/** Who runs it, by a fresh random id, and until when he is presumed alive. */
export interface CallRun {
  readonly fence: string
  readonly startedAt: number
  readonly leaseUntil: number
}

/** Where the answer lies, and what it came to. */
export interface CallResult {
  readonly status: number
  readonly key: string
  /** Absent of a stream, whose headers were written before it was known. */
  readonly charge?: Micros | undefined
  /** Of the run that gave it. */
  readonly runMs: number
}

export interface WebhookState {
  readonly state: 'pending' | 'delivered' | 'failed'
  readonly attempts: number
  /** Of the last attempt: a status, or in a word what was in the way. */
  readonly outcome?: string | undefined
  /** The next attempt is not before. */
  readonly nextAt: number
}

export const hasEnded = ({ state }: Pick<DeferredCall, 'state'>): boolean =>
  state !== 'queued' && state !== 'running'

/** When it may be taken: at once, or when the worker that has it is presumed dead. */
export const readyAt = ({ notBefore, run }: DeferredCall): number => run?.leaseUntil ?? notBefore

/** Sorts as (time, id) does. */
export const positionOf = ({ createdAt, id }: DeferredCall): string =>
  `${String(createdAt).padStart(16, '0')}#${id}`

/** In order of their turn within a tenant, as text. */
export const turnOf = (call: DeferredCall): string =>
  `${ranks[call.order.priority]}#${positionOf(call)}`

const ranks: Readonly<Record<Priority, number>> = { high: 0, normal: 1, low: 2 }

import type { DeferredCall, Lane } from './deferred-call.ts'

/**
 * The calls that were put off: DynamoDB on AWS, SQLite on one machine. Every driver passes one
 * contract suite. A call is changed by putting the next revision in its place, so that any number of
 * workers may try.
 *
 * Every method throws ServiceError `store_unavailable` when the store does not answer as it should.
 */
export interface DeferredCallStore {
  /** Writes a new call; `false` where its id is taken. */
  create(call: DeferredCall): Promise<boolean>
  find(id: string): Promise<DeferredCall | undefined>
  /** Puts it in the place of the revision before it; `false`, and no change, where another is there. */
  replace(call: DeferredCall): Promise<boolean>
  /** Of one tenant, newest first. */
  list(query: CallQuery): Promise<CallPage>
  /** What has not ended, by tenant and turn. It may lag: whoever takes one looks at the call itself. */
  waiting(query: WaitingQuery): Promise<WaitingCall[]>
  /** How long the last successful runs of a model took, newest first, in milliseconds; may lag. */
  recentRuns(model: string, limit: number): Promise<number[]>
  /** Those that are to be looked at by now (`attentionAt`); may lag. */
  due(now: number, limit: number): Promise<DeferredCall[]>
  /** Removing what is not there is no error. */
  remove(id: string): Promise<void>
  close(): Promise<void>
}

export interface CallQuery {
  readonly tenant: string
  /** The id after which to go on; nothing comes after one that the tenant does not have. */
  readonly after?: string | undefined
  readonly limit: number
}

export interface CallPage {
  readonly calls: readonly DeferredCall[]
  readonly more: boolean
}

export interface WaitingQuery {
  readonly lane: Lane
  /** Default: of all. */
  readonly tenant?: string | undefined
  /** Only those that may be taken by then. */
  readonly readyBy?: number | undefined
  readonly limit: number
}

export interface WaitingCall {
  readonly id: string
  readonly tenant: string
}

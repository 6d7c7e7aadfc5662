import type { Sale, StoredAnswer, Units } from './ledger.ts'
import type { Micros } from './money.ts'

/** A call that was sold on trust while the ledger did not answer: all that the books need of it. */
export interface SoldCall {
  readonly tenant: string
  readonly requestKey: string
  readonly fingerprint: string
  readonly hold: Micros
  readonly charge: Micros
  readonly units: Units
  readonly sale: Sale
  readonly answer: Omit<StoredAnswer, 'expiresAt'>
  readonly retryPointer: { readonly key: string; readonly until: number } | undefined
}

/**
 * Where such calls wait, apart from the ledger and as durable. It is bounded: what may be lost with
 * it, and what is owed without a check of any cap, never exceeds a number of calls.
 *
 * Every method throws ServiceError `store_unavailable` when the store does not answer as it should.
 */
export interface SaleOutbox {
  /** Safely kept when it resolves with true; false where it is full, or cannot hold this one. */
  put(call: SoldCall): Promise<boolean>
  isFull(): Promise<boolean>
  /**
   * The latest that waits under this retry pointer, unless that has expired. Absent where the store
   * cannot look: then nothing may be put that its caller can ask for again.
   */
  findRetried?(tenant: string, pointer: string, now: number): Promise<SoldCall | undefined>
  /** What waits, about in the order it came; the same call may appear twice. */
  waiting(): AsyncIterable<SoldCall>
  /** Forgets a call that `waiting` gave, also where that was done before. */
  remove(call: SoldCall): Promise<void>
  close(): Promise<void>
}

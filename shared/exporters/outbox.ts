import type { UsageRecord } from './usage-record.ts'

/**
 * What is to be reported, and how far that has come. Every driver passes one contract suite:
 *
 * - a record is created once and its quantity never changes;
 * - of many who mark the same version of a record, one succeeds.
 *
 * Every method throws ServiceError `store_unavailable` when the store does not answer as it should.
 * The outcome is then unknown, and calling again is safe.
 */
export interface Outbox {
  /** Stores a new record, pending and due at once; `false` where one of this id stands already. */
  add(record: UsageRecord): Promise<boolean>
  /** Records of these hours, and those whose quantity was carried into them. `to` is excluded. */
  records(query: HoursQuery): Promise<OutboxRecord[]>
  /** Records in a state, those due first before the others; with `until`, only those due by then. */
  list(query: QueueQuery): Promise<OutboxRecord[]>
  /**
   * Changes the delivery of a record that is still as it was read.
   *
   * @returns the record as it stands now; `undefined` where another was faster, and also where
   * this very change had landed before and its reply was lost
   */
  mark(record: OutboxRecord, change: DeliveryChange): Promise<OutboxRecord | undefined>
  /** The hours before this one are frozen; `undefined` where none is. */
  cursor(sink: string, tenant: string): Promise<number | undefined>
  /** Moves the cursor, never back. */
  advance(sink: string, tenant: string, hour: number): Promise<void>
  close(): Promise<void>
}

export type DeliveryState =
  | 'pending'
  | 'sent'
  /** The sink takes no such record: somebody must mend the cause and have it sent again. */
  | 'failed'
  /** Whether the sink has it cannot be known from here: somebody must look, and say so. */
  | 'needs-reconciliation'
  /** Too late for the sink: its quantity went into the record of a later hour. */
  | 'carried'

export interface Delivery {
  readonly state: DeliveryState
  /** How often it was sent. */
  readonly attempts: number
  readonly lastAttemptAt: number | undefined
  /** Of a pending one. */
  readonly nextAttemptAt: number
  /** The first attempt after which the sink may have it; `undefined` where it surely has not. */
  readonly uncertainSince: number | undefined
  /** Why it is not sent yet. */
  readonly reason: string | undefined
  /** Start of the hour whose record took the quantity over. */
  readonly carriedInto: number | undefined
}

export type DeliveryChange = Partial<Delivery>

export interface OutboxRecord extends UsageRecord, Delivery {
  /** Grows with every mark. */
  readonly version: number
}

export interface HoursQuery {
  readonly sink: string
  readonly tenant: string
  readonly from: number
  readonly to: number
}

export interface QueueQuery {
  readonly sink: string
  readonly state: 'pending' | 'failed' | 'needs-reconciliation'
  readonly until?: number | undefined
  readonly limit: number
}

/** What every record begins with. */
export const undelivered: Delivery = {
  state: 'pending',
  attempts: 0,
  lastAttemptAt: undefined,
  nextAttemptAt: 0,
  uncertainSince: undefined,
  reason: undefined,
  carriedInto: undefined,
}

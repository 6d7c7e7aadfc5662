import type { LedgerEntry } from '#shared/metering/ledger.ts'
import type { UsageRecord } from './usage-record.ts'

/** Where usage is reported to. What the real one promises is said here, so that no one else guesses. */
export interface Sink {
  /** Part of every record's id: it never changes, and no two sinks share one. */
  readonly name: string
  /** Records that one call takes. */
  readonly batchSize: number
  /** How long after an attempt the sink still knows a record by its id; Infinity for ever. */
  readonly dedupeWindowMs: number
  /** Whether a record can be sent at this time, or only be carried into a later hour. */
  accepts(record: UsageRecord, now: number): boolean
  /** Sends them; one outcome for each, in order. Does not throw. */
  send(records: readonly UsageRecord[], now: number): Promise<readonly SendOutcome[]>
  /** Looks into the sink's own books, where it shows them. Does not throw. */
  find?(record: UsageRecord): Promise<FindOutcome>
}

export type SendOutcome =
  /** The sink has it, from now or from before. */
  | { readonly kind: 'accepted' }
  /** The sink has not got it, and will not take it as it is. */
  | { readonly kind: 'refused' | 'too-late'; readonly reason: string }
  /** The sink has something else in its place. */
  | { readonly kind: 'conflict'; readonly reason: string }
  /** The sink has not got it; another time, perhaps. `unknown`: it may have got it. */
  | {
      readonly kind: 'not-landed' | 'unknown'
      readonly reason: string
      readonly retryAfterMs?: number | undefined
    }

export type FindOutcome =
  | { readonly kind: 'present' | 'absent' }
  /** Its books show something that is neither. */
  | { readonly kind: 'unclear'; readonly reason: string }
  /** It did not answer. */
  | { readonly kind: 'unknown'; readonly reason: string }

/** A sink, and what it is told of whom. */
export interface Export {
  readonly sink: Sink
  readonly meters: readonly Meter[]
  /** Who a tenant is to the sink; `undefined` where it is nobody, whose usage stays at home. */
  readonly customerOf: (tenant: string) => Customer | undefined
}

export interface Customer {
  readonly id: string
  /** Charges from this time on are reported; default: all. */
  readonly since?: number | undefined
}

export interface Meter {
  /** As the sink knows it: a meter's event name, a dimension. */
  readonly name: string
  readonly measure: Measure
}

export type Measure = keyof typeof measures

/** What can be counted of a charge. */
export const measures = {
  micros: ({ amount }) => amount,
  calls: ({ units }) => whole(units.calls),
  rows: ({ units }) => whole(units.rows),
  inputBytes: ({ units }) => whole(units.inputBytes),
  pixels: ({ units }) => whole(units.pixels),
  inputTokens: ({ units }) => whole(units.inputTokens),
  outputTokens: ({ units }) => whole(units.outputTokens),
  computeMs: ({ units }) => whole(units.computeMs),
} satisfies Record<string, (charge: LedgerEntry) => bigint>

/** Rounded as the price book does: up, once a call. */
const whole = (count = 0) => BigInt(Math.max(0, Math.ceil(count)))

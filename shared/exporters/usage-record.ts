import { createHash } from 'node:crypto'

export const hourMs = 60 * 60 * 1_000

/** The start of the hour (UTC) that holds this time. */
export const hourOf = (time: number): number => Math.floor(time / hourMs) * hourMs

/** What is reported to a sink. Frozen before the first send: it never changes. */
export interface UsageRecord {
  /** Follows from sink, tenant, meter, hour and sequence; at most 100 characters, the least that a sink takes. */
  readonly id: string
  readonly sink: string
  readonly tenant: string
  /** Who the tenant is to the sink. */
  readonly customer: string
  /** What the sink calls that which is counted. */
  readonly meter: string
  /** Start of the hour, in milliseconds since 1970. */
  readonly hour: number
  /** 0, or a higher number for what came to light after the hour had been frozen. */
  readonly sequence: number
  /** Positive. */
  readonly quantity: bigint
}

export function newUsageRecord(parts: Omit<UsageRecord, 'id'>): UsageRecord {
  const { sink, tenant, meter, hour, sequence } = parts
  const identity = JSON.stringify([sink, tenant, meter, hour, sequence])
  const digest = createHash('sha256').update(identity).digest('hex').slice(0, 32)
  // The digest alone would do; the rest is for the people who read the sink's books.
  const time = new Date(hour).toISOString().slice(0, 13)
  return { ...parts, id: `usage-${time}-${sequence}-${digest}` }
}

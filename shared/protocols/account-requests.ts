import * as z from 'zod/mini'
import { isScope } from '#shared/access/scopes.ts'
import type { UsageGroup } from '#shared/account/usage-report.ts'
import type { CallLimits, EntryType } from '#shared/metering/ledger.ts'
import { amount, currency, id, integer, moment, queryInteger, tenant } from './read-members.ts'

/** Of a key or an account; absent means unlimited. */
const limits = z.pipe(
  z.strictObject({
    monthly_spend_micros: z.optional(amount),
    daily_calls: z.optional(integer(0, 1_000_000_000)),
    concurrency: z.optional(integer(1, 100_000)),
    rate: z.optional(
      z.strictObject({ per_minute: integer(1, 1_000_000), burst: integer(1, 100_000) }),
    ),
  }),
  z.transform(
    ({ monthly_spend_micros, daily_calls, concurrency, rate }): CallLimits => ({
      ...(monthly_spend_micros !== undefined && { monthlySpend: monthly_spend_micros }),
      ...(daily_calls !== undefined && { dailyCalls: daily_calls }),
      ...(concurrency !== undefined && { concurrency }),
      ...(rate && { rate: { perMinute: rate.per_minute, burst: rate.burst } }),
    }),
  ),
)
const models = z.array(z.string()).check(z.minLength(1), z.maxLength(100))
const addresses = z.array(z.string().check(z.maxLength(64))).check(z.minLength(1), z.maxLength(50))
const text = z.string().check(z.maxLength(256))

/** `tenant`, here and below, is the caller's own unless an administrator names another. */
export const ofTenant = z.strictObject({ tenant: z.optional(tenant) })

export const newKey = z.strictObject({
  tenant: z.optional(tenant),
  name: text,
  scopes: z._default(z.array(z.string().check(z.refine(isScope))), ['predict', 'models:read']),
  mode: z._default(z.enum(['live', 'test']), 'live'),
  expires_in_days: z.optional(z.int()),
  project: z.optional(text),
  limits: z.optional(limits),
  models: z.optional(models),
  allowed_ips: z.optional(addresses),
})

export const keyChanges = z.strictObject({
  tenant: z.optional(tenant),
  limits: z.optional(z.nullable(limits)),
  models: z.optional(z.nullable(models)),
  allowed_ips: z.optional(z.nullable(addresses)),
})

export const rotation = z.strictObject({
  tenant: z.optional(tenant),
  overlap_seconds: z._default(z.int(), 86_400),
})

export const accountSettings = z.strictObject({
  tenant: z.optional(tenant),
  currency,
  mode: z.enum(['prepaid', 'postpaid']),
  limits: z._default(limits, {}),
  /** Absent: as it was. */
  trusted: z.optional(z.boolean()),
  metering: z.optional(z.enum(['strict', 'single-write', 'leased'])),
  shards: z.optional(integer(1, 64)),
  /** Limits of projects, by the name under which keys are booked. */
  projects: z._default(z.record(z.string().check(z.regex(/^[\w.-]{1,64}$/)), limits), {}),
})

export const topUp = z.strictObject({
  tenant: z.optional(tenant),
  payment_id: id,
  amount_micros: amount,
  currency,
  expires_at: z.optional(z.nullable(moment)),
})

export const refund = z.strictObject({
  tenant: z.optional(tenant),
  refund_id: id,
  charge_id: id,
  amount_micros: amount,
})

const count = z.optional(integer(0, 1_000_000_000))

export const estimate = z.strictObject({
  model: text,
  inputs: z.optional(z.unknown()),
  parameters: z._default(z.record(z.string(), z.unknown()), {}),
  units: z.optional(
    z.strictObject({
      calls: count,
      rows: count,
      input_bytes: count,
      pixels: count,
      input_tokens: count,
      output_tokens: count,
      compute_ms: count,
    }),
  ),
})

export const priceQuery = z.strictObject({ model: text })

const time = { from: z.optional(moment), to: z.optional(moment) }

/** `?group_by=model,key`. */
const groups = z.pipe(
  z.string(),
  z.pipe(
    z.transform((names: string) => names.split(',')),
    z.array(z.enum(['model', 'key', 'project', 'status'] satisfies UsageGroup[])),
  ),
)

export const reportQuery = z.strictObject({
  ...time,
  bucket: z.optional(z.enum(['1m', '1h', '1d'])),
  group_by: z._default(groups, []),
})

const entryTypes: readonly EntryType[] = [
  'charge',
  'void',
  'rejection',
  'topup',
  'refund',
  'expiry',
]
const types = z.pipe(
  z.string(),
  z.pipe(
    z.transform((names: string) => names.split(',')),
    z.array(z.enum(entryTypes)),
  ),
)
const cursor = z.optional(z.string())

export const ledgerQuery = z.strictObject({
  ...time,
  type: z.optional(types),
  limit: z._default(queryInteger(1, 1_000), 100),
  cursor,
})

export const exportQuery = z.strictObject({
  ...time,
  type: z.optional(types),
  format: z.optional(z.enum(['csv', 'jsonl', 'parquet'])),
  cursor,
})

export const invoiceQuery = z.strictObject({
  format: z.optional(z.enum(['csv', 'json', 'html'])),
})

export const nothing = z.strictObject({})

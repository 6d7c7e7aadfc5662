import type { KeySummary } from '#shared/access/key-store.ts'
import type { CapAlert } from '#shared/account/cap-alerts.ts'
import type { CreditLot } from '#shared/account/credit-lots.ts'
import type { ReportRow } from '#shared/account/usage-report.ts'
import type { Account, CallLimits, LedgerEntry, Units } from '#shared/metering/ledger.ts'
import type { Price } from '#shared/metering/price-book.ts'

/** Whole numbers of any size, as JSON writes them. */
export const exact = (value: bigint): unknown => JSON.rawJSON(value.toString())

const optional = (value: bigint | undefined) => (value === undefined ? null : exact(value))
/** ISO 8601; `null` where there is none. */
export const time = (at: number | undefined) =>
  at === undefined ? null : new Date(at).toISOString()

/** Every account answer, field by field. Absent is `null`; times are ISO 8601; amounts are micros. */
export const accountAnswers = {
  key: ({ id, name, mode, scopes, project, limits, models, lastFour, ...key }: KeySummary) => ({
    id,
    name,
    mode,
    scopes,
    project: project ?? null,
    limits: limitsJson(limits ?? {}),
    models: models ?? null,
    allowed_ips: key.allowedIps ?? null,
    counted_as: key.countedAs ?? null,
    last_four: lastFour ?? null,
    pepper_id: key.pepperId ?? null,
    created_at: time(key.createdAt),
    expires_at: time(key.expiresAt),
    revoked_at: time(key.revokedAt),
  }),

  account: ({
    tenant,
    currency,
    mode,
    limits,
    trusted,
    metering,
    shards,
    ...balance
  }: Account) => ({
    tenant,
    currency,
    mode,
    trusted: trusted ?? false,
    metering: metering ?? 'strict',
    shards: shards ?? 1,
    available_micros: exact(balance.available),
    held_micros: exact(balance.held),
    spent_micros: exact(balance.spent),
    limits: limitsJson(limits),
    projects: Object.fromEntries(
      Object.entries(limits.projects ?? {}).map(([name, own]) => [name, limitsJson(own)]),
    ),
  }),

  lot: ({ id, at, amount, left, expiresAt }: CreditLot) => ({
    id,
    amount_micros: exact(amount),
    left_micros: exact(left),
    created_at: time(at),
    expires_at: time(expiresAt),
  }),

  entry: ({ id, type, amount, currency, at, sale, units, ...entry }: LedgerEntry) => ({
    id,
    type,
    amount_micros: exact(amount),
    currency,
    created_at: time(at),
    key_id: sale?.keyId ?? null,
    project: sale?.project ?? null,
    model: sale?.model ?? null,
    model_digest: sale?.modelDigest ?? null,
    price_id: sale?.priceId ?? null,
    units: unitsJson(units),
    reference: entry.reference ?? null,
    credit_expires_at: time(entry.creditExpiresAt),
  }),

  usage: ({ start, group, calls, units, amount }: ReportRow) => ({
    start: time(start),
    ...group,
    calls,
    ...unitsJson(units),
    amount_micros: exact(amount),
  }),

  cost: ({ start, group, amount }: ReportRow) => ({
    start: time(start),
    ...group,
    amount_micros: exact(amount),
  }),

  alert: ({ scope, id, kind, period, used, limit, level }: CapAlert) => ({
    scope,
    id,
    kind,
    period,
    used: exact(used),
    limit: exact(limit),
    level,
  }),

  price: ({ id, name, currency, effectiveFrom, rates }: Price) => ({
    price_id: id,
    name,
    currency,
    effective_from: time(effectiveFrom),
    rates: {
      per_call_micros: optional(rates.perCall),
      per_thousand_rows_micros: optional(rates.perThousandRows),
      per_megabyte_in_micros: optional(rates.perMegabyteIn),
      per_million_pixels_micros: optional(rates.perMillionPixels),
      per_million_input_tokens_micros: optional(rates.perMillionInputTokens),
      per_million_output_tokens_micros: optional(rates.perMillionOutputTokens),
      per_compute_ms_micros: optional(rates.perComputeMs),
    },
  }),

  units: unitsJson,
}

function unitsJson({ calls, rows, inputBytes, pixels, ...units }: Units) {
  const { inputTokens, outputTokens, computeMs } = units
  return {
    ...(calls !== undefined && { calls }),
    ...(rows !== undefined && { rows }),
    ...(inputBytes !== undefined && { input_bytes: inputBytes }),
    ...(pixels !== undefined && { pixels }),
    ...(inputTokens !== undefined && { input_tokens: inputTokens }),
    ...(outputTokens !== undefined && { output_tokens: outputTokens }),
    ...(computeMs !== undefined && { compute_ms: computeMs }),
  }
}

function limitsJson({ monthlySpend, dailyCalls, concurrency, rate }: CallLimits) {
  return {
    monthly_spend_micros: optional(monthlySpend),
    daily_calls: dailyCalls ?? null,
    concurrency: concurrency ?? null,
    rate: rate ? { per_minute: rate.perMinute, burst: rate.burst } : null,
  }
}

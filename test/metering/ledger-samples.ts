import type {
  AccountSettings,
  CounterHold,
  Ledger,
  LedgerEntry,
  Release,
  RequestRecord,
  Reservation,
  Sale,
  Settlement,
  StoredAnswer,
} from '#shared/metering/ledger.ts'

/** 2026-11-23 00:00 UTC. */
export const start = 1_795_392_000_000
export const day = 24 * 60 * 60 * 1_000

// Apart from those of earlier runs against the same store.
const run = Math.random().toString(36).slice(2, 8)
let made = 0

/** A name that nobody else has. */
export function fresh(prefix: string): string {
  made += 1
  return `${prefix}-${run}-${made}`
}

export const sale: Sale = {
  keyId: 'key-1',
  project: undefined,
  model: 'iris@1',
  modelDigest: 'sha256:1f',
  priceId: 'per-call@2026-11-01',
}

/** A new tenant with this much credit. */
export async function openAccount(
  ledger: Ledger,
  credit: bigint,
  settings: Partial<AccountSettings> = {},
): Promise<string> {
  const tenant = fresh('tenant')
  await ledger.putAccount({ tenant, currency: 'USD', mode: 'prepaid', limits: {}, ...settings })
  if (credit > 0n)
    await ledger.post(newTopUp(tenant, credit, { currency: settings.currency ?? 'USD' }))
  return tenant
}

export function newTopUp(
  tenant: string,
  amount: bigint,
  changes: Partial<LedgerEntry> = {},
): LedgerEntry {
  return {
    tenant,
    id: fresh('topup'),
    type: 'topup',
    amount,
    currency: 'USD',
    at: start,
    sale: undefined,
    units: {},
    reference: 'payment-1',
    creditExpiresAt: undefined,
    ...changes,
  }
}

/** A charge that no hold went before. */
export const chargeOf = (tenant: string, amount: bigint, changes: Partial<LedgerEntry> = {}) =>
  newTopUp(tenant, amount, {
    id: fresh('call'),
    type: 'charge',
    sale,
    units: { calls: 1 },
    reference: 'single-write',
    ...changes,
  })

export function newReservation(tenant: string, changes: Partial<Reservation> = {}): Reservation {
  return {
    tenant,
    requestKey: fresh('request'),
    fingerprint: 'same',
    fence: fresh('fence'),
    leaseUntil: start + 30_000,
    hold: 10n,
    counters: [],
    sale,
    now: start,
    ...changes,
  }
}

export function newAnswer(changes: Partial<StoredAnswer> = {}): StoredAnswer {
  return {
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: new Uint8Array([0x7b, 0x7d, 0x0a, 0x00, 0xff]),
    expiresAt: start + day,
    ...changes,
  }
}

type Attempt = Pick<Reservation, 'tenant' | 'requestKey' | 'fence'>

export function settlementOf(
  { tenant, requestKey, fence }: Attempt,
  changes: Partial<Settlement> = {},
): Settlement {
  const units = { calls: 1 }
  const answer = newAnswer()
  const attempt = { tenant, requestKey, fence }
  return { ...attempt, charge: 10n, units, answer, now: start + 5, ...changes }
}

export function releaseOf(
  { tenant, requestKey, fence }: Attempt,
  changes: Partial<Release> = {},
): Release {
  const outcome = { kind: 'void' } as const
  const attempt = { tenant, requestKey, fence }
  return { ...attempt, outcome, reason: 'inference_failed', now: start + 5, ...changes }
}

export function newCounter(changes: Partial<CounterHold> = {}): CounterHold {
  return { id: fresh('counter'), scope: 'key', kind: 'spend', amount: 10n, limit: 100n, ...changes }
}

/** `available, held, spent` of a tenant. */
export async function balanceOf(ledger: Ledger, tenant: string) {
  const { available, held, spent } = (await ledger.account(tenant)) ?? {}
  return [available, held, spent]
}

/**
 * A value as what can be compared: drivers may hand out any kind of byte array, and leave out what
 * is undefined. The lease of a request that has ended means nothing, and over how many items a balance
 * is spread makes no difference.
 */
export function comparable(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (Array.isArray(value)) return value.map(comparable)
  if (typeof value !== 'object' || value === null) return value
  const { leaseUntil, ...rest } = value as Partial<RequestRecord>
  const lasting = rest.state === undefined || rest.state === 'reserved' ? value : rest
  return Object.fromEntries(
    Object.entries(lasting)
      .filter(([name, part]) => part !== undefined && name !== 'shards')
      .map(([name, part]) => [name, comparable(part)]),
  )
}

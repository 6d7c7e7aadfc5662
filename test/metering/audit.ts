import { isDeepStrictEqual } from 'node:util'
import type { Account, Ledger, LedgerEntry, RequestRecord } from '#shared/metering/ledger.ts'

export interface AuditOptions {
  /** When the audit is made, in the ledger's time: an answer that expired before may be missing. */
  readonly now: number
  /** Nothing is running any more: no hold may be left. */
  readonly atRest?: boolean
  /** Requests that the entries do not name: without them only charged and reserved ones are seen. */
  readonly requests?: readonly RequestName[]
  /** Answers that left: each must have its charge. */
  readonly delivered?: readonly RequestName[]
  /** Entries that were seen before: each must still be there as it was. */
  readonly seen?: readonly LedgerEntry[]
  /** How long an answer must stay fetchable after its charge. */
  readonly retentionMs?: number
  /** The longest that a hold may outlive its lease. */
  readonly sweepMs?: number
  /** Audits these only; otherwise all. */
  readonly tenants?: readonly string[]
}

export interface RequestName {
  readonly tenant: string
  readonly requestKey: string
}

export interface Violation {
  /** `I1` to `I13`, as the invariants of pay per call are numbered. */
  readonly rule: string
  readonly tenant: string
  readonly detail: string
}

type Report = (rule: string, detail: string) => void

interface Books {
  readonly account: Account
  readonly entries: readonly LedgerEntry[]
  readonly requests: ReadonlyMap<string, RequestRecord | undefined>
}

const day = 24 * 60 * 60 * 1_000

/** Recomputes what must hold after any interleaving and any crash, from the port's own data. */
export async function auditLedger(ledger: Ledger, options: AuditOptions): Promise<Violation[]> {
  const violations: Violation[] = []
  const reserved = await ledger.expiredLeases(Number.MAX_SAFE_INTEGER, 1_000_000)
  for (const tenant of options.tenants ?? (await ledger.tenants())) {
    const report: Report = (rule, detail) => void violations.push({ rule, tenant, detail })
    const account = await ledger.account(tenant)
    if (!account) {
      report('I4', 'the tenant has no account')
      continue
    }
    const entries = await readEntries(ledger, tenant, 1_000)
    const names = [...reserved, ...(options.requests ?? []), ...(options.delivered ?? [])]
      .filter((request) => request.tenant === tenant)
      .map(({ requestKey }) => requestKey)
      .concat(entries.filter(({ type }) => type === 'charge').map(({ id }) => id))
    const requests = new Map<string, RequestRecord | undefined>()
    for (const name of new Set(names)) requests.set(name, await ledger.find(tenant, name))
    const books = { account, entries, requests }

    checkCharges(books, options, report)
    checkBalance(books, report)
    checkHolds(books, options, report)
    await checkCounters(ledger, books, report)
    checkCorrections(books, options.seen ?? [], report)
    // I12: read again in other portions, the ledger is the same to the last entry.
    if (!isDeepStrictEqual(await readEntries(ledger, tenant, 7), entries)) {
      report('I12', 'the ledger read again is another one')
    }
  }
  return violations
}

/** All entries of a tenant, page by page. */
export async function readEntries(ledger: Ledger, tenant: string, limit: number) {
  const entries: LedgerEntry[] = []
  let after: { at: number; id: string } | undefined
  do {
    const page = await ledger.entries({ tenant, after, limit })
    entries.push(...page.entries)
    after = page.next
  } while (after)
  return entries
}

/** I1, I2, I3, I7: charges and stored answers are the same set, each once, none above its hold. */
function checkCharges(
  { account, entries, requests }: Books,
  options: AuditOptions,
  report: Report,
): void {
  const { now, delivered = [], retentionMs = day } = options
  const charges = new Map(entries.filter(({ type }) => type === 'charge').map((e) => [e.id, e]))
  const ids = new Set(entries.map(({ id }) => id))
  if (ids.size !== entries.length) report('I2', 'two entries have the same id')
  for (const { id, amount, at, reference } of charges.values()) {
    // Sold with one write: nothing was promised but the charge.
    if (reference === 'single-write') continue
    const request = requests.get(id)
    if (!request) {
      if (at + retentionMs > now) report('I3', `${id} was charged and its request is gone`)
      continue
    }
    if (request.state !== 'done') report('I1', `${id} was charged and is ${request.state}`)
    else if (request.charge !== amount) report('I1', `${id} was charged another amount`)
    const expiresAt = request.answer?.expiresAt
    if (expiresAt === undefined && at + retentionMs > now) report('I3', `${id} has no answer`)
    if (expiresAt !== undefined && expiresAt < at + retentionMs) {
      report('I3', `the answer of ${id} expires too early`)
    }
    if (amount > request.hold) report('I7', `${id} was charged more than its hold`)
    if (ids.has(`${id}:${request.fence}`)) report('I7', `${id} was both settled and released`)
  }
  for (const [key, request] of requests) {
    if (request?.state === 'done' && !charges.has(key)) report('I1', `${key} has no charge`)
  }
  for (const { tenant, requestKey } of delivered) {
    if (tenant === account.tenant && !charges.has(requestKey)) {
      report('I3', `the answer of ${requestKey} left without a charge`)
    }
  }
}

/** I4, I5, I12: the parts of the balance are what the entries say, and none is negative. */
function checkBalance({ account, entries }: Books, report: Report): void {
  const { available, held, spent, mode } = account
  const sum = (type: LedgerEntry['type']) =>
    entries.reduce((total, entry) => total + (entry.type === type ? entry.amount : 0n), 0n)
  const credit = sum('topup') + sum('refund') - sum('expiry')
  // Calls of a postpaid account do not touch what is available.
  const found = mode === 'prepaid' ? available + held + spent : available
  if (credit !== found) report('I4', `credit ${credit}, found ${found}`)
  for (const [part, amount] of Object.entries({ available, held, spent })) {
    if (amount < 0n) report('I5', `${part} is ${amount}`)
  }
  if (spent !== sum('charge')) report('I12', `spent ${spent}, charged ${sum('charge')}`)
}

/** I6: what is held is the sum of the holds that run, and none runs for ever. */
function checkHolds({ account, requests }: Books, options: AuditOptions, report: Report): void {
  const { now, atRest = false, sweepMs = 120_000 } = options
  const running = [...requests.values()].filter((request) => request?.state === 'reserved')
  const holds = running.reduce((sum, request) => sum + (request?.hold ?? 0n), 0n)
  if (account.held !== holds) report('I6', `held ${account.held}, sum of holds ${holds}`)
  if (atRest && running.length > 0) report('I6', `${running.length} holds are left at rest`)
  for (const request of running) {
    if (request && request.leaseUntil + sweepMs < now) {
      report('I6', `${request.requestKey} holds long after its lease`)
    }
  }
}

/** I5: no counter passes its limit, and each is what its requests make it. */
async function checkCounters(ledger: Ledger, { requests }: Books, report: Report): Promise<void> {
  const counters = new Map<string, { expected: bigint; limit: bigint | undefined }>()
  for (const request of requests.values()) {
    for (const { id, kind, amount, limit } of request?.counters ?? []) {
      const counter = counters.get(id) ?? { expected: 0n, limit }
      if (request?.state === 'reserved') counter.expected += amount
      if (request?.state === 'done' && kind === 'calls') counter.expected += amount
      if (request?.state === 'done' && kind === 'spend') counter.expected += request.charge ?? 0n
      // Where a limit was changed, only the highest one was surely never passed.
      if (limit === undefined || (counter.limit ?? limit) < limit) counter.limit = limit
      counters.set(id, counter)
    }
  }
  const complete = ![...requests.values()].includes(undefined)
  const used = await ledger.counters([...counters.keys()])
  for (const [index, [id, { expected, limit }]] of [...counters].entries()) {
    const found = used[index] ?? 0n
    if (found < 0n) report('I5', `counter ${id} is ${found}`)
    if (limit !== undefined && found > limit) report('I5', `counter ${id} passed its limit`)
    if (complete && found !== expected) report('I5', `counter ${id}: ${found}, not ${expected}`)
  }
}

/** I13: entries never change; a correction points at a charge and stays within it. */
function checkCorrections(
  { account, entries }: Books,
  seen: readonly LedgerEntry[],
  report: Report,
): void {
  const standing = new Map(entries.map((entry) => [entry.id, entry]))
  for (const entry of seen) {
    if (entry.tenant !== account.tenant) continue
    if (!isDeepStrictEqual(standing.get(entry.id), entry)) report('I13', `${entry.id} has changed`)
  }
  const refunded = new Map<string, bigint>()
  for (const { type, reference = '', amount } of entries) {
    if (type === 'refund') refunded.set(reference, (refunded.get(reference) ?? 0n) + amount)
  }
  for (const [reference, total] of refunded) {
    const charge = standing.get(reference)
    if (charge?.type !== 'charge') report('I13', `a refund points at ${reference}, no charge`)
    else if (total > charge.amount) report('I13', `more than ${reference} was refunded`)
  }
}

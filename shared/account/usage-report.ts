import { ServiceError } from '#shared/errors/service-error.ts'
import type { EntryType, Ledger, LedgerEntry, Units } from '#shared/metering/ledger.ts'
import type { Micros } from '#shared/metering/money.ts'
import { readEntries } from './read-entries.ts'

export const bucketsMs = { '1m': 60_000, '1h': 3_600_000, '1d': 86_400_000 } as const
export const usageGroups = ['model', 'key', 'project', 'status'] as const

export type Bucket = keyof typeof bucketsMs
export type UsageGroup = (typeof usageGroups)[number]

export interface ReportQuery {
  readonly tenant: string
  /** Epoch milliseconds; `from` included, `to` excluded. */
  readonly from: number
  readonly to: number
  readonly bucket: Bucket
  readonly groupBy: readonly UsageGroup[]
}

export interface ReportRow {
  /** When the bucket begins, UTC. */
  readonly start: number
  /** A value for each group that was asked for; `null` where an entry has none. */
  readonly group: Readonly<Partial<Record<UsageGroup, string | null>>>
  readonly calls: number
  readonly units: Required<Omit<Units, 'calls'>>
  /** Charges minus refunds. */
  readonly amount: Micros
}

/** A year of hours; more is asked for in coarser buckets. */
const maxBuckets = 9_000

/** What was called, with what came of it. Empty buckets are left out. */
export const usageReport = (ledger: Ledger, query: ReportQuery): Promise<ReportRow[]> =>
  report(ledger, query, ['charge', 'void', 'rejection'])

/** What it cost, refunds taken off where they were given. */
export const costReport = (ledger: Ledger, query: ReportQuery): Promise<ReportRow[]> =>
  report(ledger, query, ['charge', 'refund'])

async function report(
  ledger: Ledger,
  { tenant, from, to, bucket, groupBy }: ReportQuery,
  types: readonly EntryType[],
): Promise<ReportRow[]> {
  const bucketMs = bucketsMs[bucket]
  if (from >= to) throw refuse('"from" must be before "to".')
  if ((to - from) / bucketMs > maxBuckets) throw refuse('Ask for coarser buckets or less time.')
  const rows = new Map<string, ReportRow>()
  for await (const entry of readEntries(ledger, { tenant, from, to, types })) {
    const start = Math.floor(entry.at / bucketMs) * bucketMs
    const group = Object.fromEntries(groupBy.map((name) => [name, groupOf[name](entry)]))
    const key = JSON.stringify([start, Object.values(group)])
    rows.set(key, add(rows.get(key) ?? { start, group, ...nothing }, entry))
  }
  return [...rows.values()]
}

const refuse = (detail: string) => new ServiceError('parameter_invalid', { detail })

const unitNames = [
  'rows',
  'inputBytes',
  'pixels',
  'inputTokens',
  'outputTokens',
  'computeMs',
] as const satisfies (keyof Units)[]
type UnitCounts = ReportRow['units']

/** A count for each unit. */
const countUnits = (count: (name: keyof UnitCounts) => number) =>
  Object.fromEntries(unitNames.map((name) => [name, count(name)])) as UnitCounts

const nothing = { calls: 0, amount: 0n, units: countUnits(() => 0) }

const groupOf: Readonly<Record<UsageGroup, (entry: LedgerEntry) => string | null>> = {
  model: ({ sale }) => sale?.model ?? null,
  key: ({ sale }) => sale?.keyId ?? null,
  project: ({ sale }) => sale?.project ?? null,
  status: ({ type }) => statuses[type] ?? type,
}
const statuses: Partial<Record<EntryType, string>> = {
  charge: 'charged',
  void: 'failed',
  rejection: 'rejected',
}

function add(row: ReportRow, { type, amount, units }: LedgerEntry): ReportRow {
  const isCall = type !== 'refund'
  return {
    ...row,
    calls: row.calls + (isCall ? (units.calls ?? 1) : 0),
    amount: isCall ? row.amount + amount : row.amount - amount,
    units: countUnits((name) => row.units[name] + (units[name] ?? 0)),
  }
}

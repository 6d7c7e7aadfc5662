import type { SQLInputValue, SQLOutputValue } from 'node:sqlite'
import { exactJson } from './exact-json.ts'
import type {
  Account,
  AccountMode,
  AccountSettings,
  CounterHold,
  LedgerEntry,
  MeteringMode,
  RequestRecord,
  StoredAnswer,
} from './ledger.ts'
import { limitsJson } from './limits-json.ts'
import { saleJson } from './sale-json.ts'

/** A row as SQLite hands it out, integers as BigInt. The schema says which columns may be NULL. */
type Row = Record<string, SQLOutputValue>
type Parameters = Record<string, SQLInputValue>

/** A request with what only this driver keeps of it. */
export interface StoredRequest {
  readonly record: RequestRecord
  readonly takenOver: boolean
  /** The account's when the hold was made. */
  readonly mode: AccountMode
  /** Where the body lies if it is not in the row. */
  readonly answerFile: string | undefined
  readonly forgetAt: number | undefined
}

/** Rows become records and back; nothing is decided here. */
export const ledgerRows = {
  fromAccount: ({
    tenant,
    currency,
    mode,
    limits,
    trusted,
    metering,
    shards,
  }: AccountSettings): Parameters => ({
    tenant,
    currency,
    mode,
    limits: limitsJson.write(limits),
    trusted: trusted ? 1 : 0,
    metering: metering ?? 'strict',
    shards: shards ?? 1,
  }),

  toAccount: (row: Row): Account => ({
    tenant: row.tenant as string,
    currency: row.currency as string,
    mode: row.mode as AccountMode,
    limits: limitsJson.read(row.limits as string),
    ...(row.trusted === 1n && { trusted: true }),
    ...(row.metering !== 'strict' && { metering: row.metering as MeteringMode }),
    ...(row.shards !== 1n && { shards: Number(row.shards) }),
    available: row.available as bigint,
    held: row.held as bigint,
    spent: row.spent as bigint,
  }),

  fromRequest: ({ record, takenOver, mode, answerFile, forgetAt }: StoredRequest): Parameters => ({
    tenant: record.tenant,
    requestKey: record.requestKey,
    state: record.state,
    fingerprint: record.fingerprint,
    fence: record.fence,
    takenOver: takenOver ? 1 : 0,
    leaseUntil: record.leaseUntil,
    mode,
    hold: record.hold,
    counters: exactJson(record.counters),
    sale: saleJson.stringify(record.sale),
    createdAt: record.createdAt,
    charge: record.charge ?? null,
    answerStatus: record.answer?.status ?? null,
    answerHeaders: record.answer ? JSON.stringify(record.answer.headers) : null,
    answerBody: answerFile === undefined ? (record.answer?.body ?? null) : null,
    answerFile: answerFile ?? null,
    answerExpiresAt: record.answer?.expiresAt ?? null,
    forgetAt: forgetAt ?? null,
  }),

  toRequest: (row: Row, readFile: (file: string) => Uint8Array): StoredRequest => ({
    record: {
      tenant: row.tenant as string,
      requestKey: row.request_key as string,
      state: row.state as RequestRecord['state'],
      fingerprint: row.fingerprint as string,
      fence: row.fence as string,
      leaseUntil: Number(row.lease_until),
      hold: row.hold as bigint,
      counters: toCounters(row.counters as string),
      sale: saleJson.parse(row.sale as string),
      createdAt: Number(row.created_at),
      answer: toAnswer(row, readFile),
      charge: (row.charge as bigint | null) ?? undefined,
    },
    takenOver: row.taken_over === 1n,
    mode: row.mode as AccountMode,
    answerFile: (row.answer_file as string | null) ?? undefined,
    forgetAt: toOptionalNumber(row.forget_at),
  }),

  fromEntry: (entry: LedgerEntry): Parameters => ({
    tenant: entry.tenant,
    id: entry.id,
    type: entry.type,
    amount: entry.amount,
    currency: entry.currency,
    at: entry.at,
    sale: entry.sale ? saleJson.stringify(entry.sale) : null,
    units: JSON.stringify(entry.units),
    reference: entry.reference ?? null,
    creditExpiresAt: entry.creditExpiresAt ?? null,
    spentBefore: entry.spentBefore ?? null,
  }),

  toEntry: (row: Row): LedgerEntry => ({
    tenant: row.tenant as string,
    id: row.id as string,
    type: row.type as LedgerEntry['type'],
    amount: row.amount as bigint,
    currency: row.currency as string,
    at: Number(row.at),
    sale: row.sale === null ? undefined : saleJson.parse(row.sale as string),
    units: JSON.parse(row.units as string),
    reference: (row.reference as string | null) ?? undefined,
    creditExpiresAt: toOptionalNumber(row.credit_expires_at),
    ...(row.spent_before !== null && { spentBefore: row.spent_before as bigint }),
  }),
}

function toAnswer(row: Row, readFile: (file: string) => Uint8Array): StoredAnswer | undefined {
  if (row.answer_status === null) return undefined
  return {
    status: Number(row.answer_status),
    headers: JSON.parse(row.answer_headers as string),
    body: (row.answer_body as Uint8Array | null) ?? readFile(row.answer_file as string),
    expiresAt: Number(row.answer_expires_at),
  }
}

const toCounters = (json: string): CounterHold[] =>
  JSON.parse(json).map((counter: CounterHold & { amount: string; limit?: string }) => ({
    ...counter,
    amount: BigInt(counter.amount),
    limit: counter.limit === undefined ? undefined : BigInt(counter.limit),
  }))

const toOptionalNumber = (value: SQLOutputValue | undefined) =>
  value === null || value === undefined ? undefined : Number(value)

import type { DeliveryChange, Outbox, OutboxRecord } from './outbox.ts'
import type { SendOutcome, Sink } from './sink.ts'
import { hourOf } from './usage-record.ts'

export interface ExportOutboxOptions {
  readonly outbox: Outbox
  readonly sink: Sink
  readonly now?: () => number
  /** In [0, 1): spreads the retries. */
  readonly random?: () => number
  /** No new call begins after this time. */
  readonly deadline?: number
  /** Records read at a time. */
  readonly pageSize?: number
}

export interface ExportReport {
  readonly sent: number
  /** Too late for their hour: their quantity goes into the hour that is open now. */
  readonly carried: number
  /** To be tried again, with what the sink said last. */
  readonly retried: number
  readonly lastReason: string | undefined
  /** Ids of records that somebody must look after. */
  readonly failed: readonly string[]
  readonly needReconciliation: readonly string[]
}

const firstPauseMs = 30_000
const longestPauseMs = 15 * 60_000
/** Nobody else takes a record while it is being sent. */
const claimMs = 5 * 60_000
/** After so long a sink's books show what it took. */
const booksLagMs = 60 * 60_000
/** So many calls in a row that did not get through, and the rest of the records wait unsent. */
const mostFailures = 3

/**
 * Sends what is due. Before each attempt the record says that the sink may have it, so that a crash
 * at any point leaves no doubt undetected. While the sink recognises a record, a doubt is resolved
 * by sending the same again; later only by looking into the sink's books, or by a person.
 */
export async function exportOutbox(options: ExportOutboxOptions): Promise<ExportReport> {
  const { outbox, sink, now = Date.now, random = Math.random, pageSize = 100 } = options
  const { deadline = Number.POSITIVE_INFINITY } = options
  const report = { sent: 0, carried: 0, retried: 0, lastReason: undefined as string | undefined }
  const failed: string[] = []
  const needReconciliation: string[] = []
  let failuresInARow = 0

  async function mark(record: OutboxRecord, change: DeliveryChange): Promise<undefined> {
    if (!(await outbox.mark(record, change))) return
    if (change.state === 'sent') report.sent += 1
    if (change.state === 'carried') report.carried += 1
    if (change.state === 'failed') failed.push(record.id)
    if (change.state === 'needs-reconciliation') needReconciliation.push(record.id)
    if (change.state === undefined) report.retried += 1
    report.lastReason = change.reason ?? report.lastReason
  }

  /** @returns the record as it may be sent now; nothing where it may not */
  async function prepare(record: OutboxRecord): Promise<OutboxRecord | undefined> {
    const { uncertainSince } = record
    const accepted = sink.accepts(record, now())
    const recognised = uncertainSince === undefined || now() < uncertainSince + sink.dedupeWindowMs
    if (accepted && recognised) return record
    if (uncertainSince === undefined) return carry(record)
    const found = sink.find
      ? await sink.find(record)
      : ({ kind: 'unclear', reason: `${sink.name} does not show what it has.` } as const)
    if (found.kind === 'present') {
      await mark(record, { state: 'sent', uncertainSince: undefined, reason: undefined })
    } else if (found.kind === 'unclear') {
      await mark(record, { state: 'needs-reconciliation', reason: found.reason })
    } else if (found.kind === 'unknown') {
      failuresInARow += 1
      await mark(record, { reason: found.reason, nextAttemptAt: now() + pauseMs(record) })
    } else {
      return accepted ? withoutOldDoubts(record) : carryOnceSure(record)
    }
    return undefined
  }

  /** It is not in the books: only an attempt that may not be in them yet leaves a doubt. */
  function withoutOldDoubts(record: OutboxRecord): OutboxRecord {
    const { lastAttemptAt = 0 } = record
    const recent = lastAttemptAt + booksLagMs > now()
    return { ...record, uncertainSince: recent ? lastAttemptAt : undefined }
  }

  function carryOnceSure(record: OutboxRecord): Promise<undefined> {
    const { lastAttemptAt = 0 } = record
    const sureAt = lastAttemptAt + booksLagMs
    return sureAt <= now() ? carry(record) : mark(record, { nextAttemptAt: sureAt })
  }

  async function carry(record: OutboxRecord): Promise<undefined> {
    const carriedInto = hourOf(now())
    await mark(record, { state: 'carried', uncertainSince: undefined, carriedInto })
    return undefined
  }

  const pauseMs = ({ attempts }: OutboxRecord, atLeastMs = 0) => {
    const cap = Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(attempts, 20))
    return Math.ceil(Math.max(atLeastMs, cap * (0.5 + random() / 2)))
  }

  async function send(batch: readonly OutboxRecord[]): Promise<void> {
    const claimed: { before: OutboxRecord; record: OutboxRecord }[] = []
    for (const before of batch) {
      const record = await outbox.mark(before, {
        attempts: before.attempts + 1,
        lastAttemptAt: now(),
        nextAttemptAt: now() + claimMs,
        uncertainSince: before.uncertainSince ?? now(),
      })
      if (record) claimed.push({ before, record })
    }
    if (claimed.length === 0) return
    const outcomes = await sink.send(
      claimed.map(({ record }) => record),
      now(),
    )
    for (const [index, { before, record }] of claimed.entries()) {
      const outcome = outcomes[index] ?? { kind: 'unknown', reason: 'No outcome was reported.' }
      await mark(record, changeAfter(outcome, before))
    }
    failuresInARow = outcomes.some(gotThrough) ? 0 : failuresInARow + 1
  }

  function changeAfter(outcome: SendOutcome, before: OutboxRecord): DeliveryChange {
    if (outcome.kind === 'accepted') {
      return { state: 'sent', uncertainSince: undefined, reason: undefined }
    }
    const { kind, reason } = outcome
    // What is not there from this attempt may be there from an earlier one.
    const { uncertainSince } = before
    if (kind === 'conflict') return { state: 'needs-reconciliation', reason }
    if (kind === 'unknown') {
      return { reason, nextAttemptAt: now() + pauseMs(before, outcome.retryAfterMs) }
    }
    if (kind === 'not-landed') {
      const nextAttemptAt = now() + pauseMs(before, outcome.retryAfterMs)
      return { reason, uncertainSince, nextAttemptAt }
    }
    if (uncertainSince !== undefined) return { state: 'needs-reconciliation', reason }
    return kind === 'refused'
      ? { state: 'failed', reason, uncertainSince }
      : { state: 'carried', reason, uncertainSince, carriedInto: hourOf(now()) }
  }

  const mayGoOn = () => now() < deadline && failuresInARow < mostFailures
  const seen = new Set<string>()
  for (;;) {
    const query = { sink: sink.name, state: 'pending', until: now(), limit: pageSize } as const
    // An index may still show what was done a moment ago: everything is tried once in a pass.
    const due = (await outbox.list(query)).filter(({ id }) => !seen.has(id))
    // Where the sink is down, the first calls find out: better those that are in doubt already.
    due.sort((a, b) => b.attempts - a.attempts)
    let batch: OutboxRecord[] = []
    for (const record of due) {
      if (!mayGoOn()) break
      seen.add(record.id)
      const ready = await prepare(record)
      if (ready) batch.push(ready)
      if (batch.length < sink.batchSize) continue
      await send(batch)
      batch = []
    }
    if (mayGoOn() && batch.length > 0) await send(batch)
    if (due.length === 0 || !mayGoOn()) return { ...report, failed, needReconciliation }
  }
}

const gotThrough = ({ kind }: SendOutcome) => kind !== 'unknown' && kind !== 'not-landed'

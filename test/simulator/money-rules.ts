import type { LedgerEntry, Settlement } from '#shared/metering/ledger.ts'
import { type Attempt, readAnswer, textOf } from './attempt.ts'
import type { Books, Report } from './books.ts'
import { expectedPrice } from './prices.ts'

/** What an attempt was given when it reserved. */
export interface Grant {
  readonly hold: bigint
  readonly priceId: string
}

/** I10, I11: only a success is sold, and at the price that was pinned. */
export function checkSale(
  attempt: Attempt | undefined,
  { charge, units, answer }: Settlement,
  grants: readonly Grant[],
  report: Report,
): void {
  if (!attempt) {
    report('I1', 'a charge of nobody')
    return
  }
  if (
    attempt.plan.fate !== 'answers' ||
    attempt.client.payload === 'bad' ||
    answer.status !== 200
  ) {
    report('I10', `${attempt.id} failed, and is charged`)
  }
  if (readAnswer(textOf(answer.body)).attempt !== attempt.id) {
    report('I1', `${attempt.id} stores the answer of another attempt`)
  }
  const expected = grants.map(({ priceId, hold }) => {
    const price = attempt.client.free ? 0n : expectedPrice(priceId, units)
    return price < hold ? price : hold
  })
  if (!expected.includes(charge)) report('I11', `${attempt.id} pays ${charge}, not ${expected}`)
}

/** How long the sweeper waits beyond the date of a credit. */
const creditGraceMs = 5 * 60 * 1_000

/** I4: no more expires than is left of the credit that is due, but for what is held. */
export function checkExpiry(books: Books, entry: LedgerEntry, report: Report): void {
  if (entry.type !== 'expiry') return
  const { plan, lots, held } = books.of(entry.tenant)
  const due = lots.due(entry.at - creditGraceMs)
  const kept = plan.mode === 'prepaid' ? held : 0n
  if (entry.amount <= due - kept) return
  report('I4', `${entry.amount} expires, ${due} is left of what is due, and ${kept} is held`)
}

/** I4: after a sweep at rest nothing is left of credit that was due, where it pays for calls. */
export function checkExpired(books: Books, tenant: string, now: number, report: Report): void {
  const { plan, lots } = books.of(tenant)
  const left = lots.due(now - creditGraceMs)
  if (left > 0n && plan.mode === 'prepaid')
    report('I4', `${left} of ${tenant} is due, and did not expire`)
}

/** I13, I15: a refund stays within its charge, credit within its time. */
export function checkPosting(books: Books, entry: LedgerEntry, now: number, report: Report): void {
  const { tenant, type, reference = '' } = entry
  if (type === 'refund') {
    const charge = books.sold.get(reference)?.charge ?? 0n
    const refunded = books.refunded.get(reference) ?? 0n
    if (refunded > charge) report('I13', `${refunded} of ${charge} is refunded of ${reference}`)
  }
  if (type !== 'expiry') return
  const { topUps, expired } = books.of(tenant)
  const due = topUps
    .filter(({ creditExpiresAt = Number.POSITIVE_INFINITY }) => creditExpiresAt <= now)
    .reduce((sum, topUp) => sum + topUp.amount, 0n)
  if (expired > due) report('I15', `${expired} has expired of ${due} that was due`)
}

import { ServiceError } from '#shared/errors/service-error.ts'
import type { Account, Ledger, LedgerEntry, PostOutcome } from '#shared/metering/ledger.ts'
import type { Micros } from '#shared/metering/money.ts'
import { readEntries } from './read-entries.ts'

/** The most that an amount or a balance can be: a signed 64-bit integer. */
const largestAmount = 2n ** 63n - 1n

export interface PostReceipt {
  readonly account: Account
  readonly entry: LedgerEntry
  /** It had been posted before, and nothing was done. */
  readonly repeated: boolean
}

type Refusal = Exclude<PostOutcome['kind'], 'posted' | 'duplicate' | 'conflict'>

/**
 * Posts an entry whose id comes from the caller. The same again is the same, whenever it comes;
 * something else under that id is a mistake.
 * @throws ServiceError `idempotency_key_reused`, `amount_invalid`, `currency_mismatch`,
 *   `resource_not_found`
 */
export async function postOnce(ledger: Ledger, entry: LedgerEntry): Promise<PostReceipt> {
  const { tenant, amount } = entry
  checkAmount(amount)
  const before = await ledger.account(tenant)
  if (before && before.available + before.held + before.spent + amount > largestAmount) {
    throw new ServiceError('amount_invalid', { detail: 'The balance would be too large.' })
  }
  const outcome = await ledger.post(entry)
  switch (outcome.kind) {
    case 'posted':
    case 'duplicate':
      return { account: outcome.account, entry, repeated: outcome.kind === 'duplicate' }
    case 'conflict':
      return repeatOf(ledger, entry)
    default:
      throw refusalOf(outcome)
  }
}

/** @throws ServiceError `amount_invalid` */
export function checkAmount(amount: Micros): void {
  if (amount <= 0n || amount > largestAmount) throw new ServiceError('amount_invalid')
}

/** An entry differs from its repetition in its time at least. */
async function repeatOf(ledger: Ledger, entry: LedgerEntry): Promise<PostReceipt> {
  const { tenant, id, type } = entry
  for await (const standing of readEntries(ledger, { tenant, types: [type] })) {
    if (standing.id !== id) continue
    const account = await ledger.account(tenant)
    if (account && contentOf(standing) === contentOf(entry)) {
      return { account, entry: standing, repeated: true }
    }
  }
  throw new ServiceError('idempotency_key_reused', { detail: 'This id was used for another one.' })
}

const contentOf = ({ type, amount, currency, reference, creditExpiresAt }: LedgerEntry) =>
  JSON.stringify([type, amount.toString(), currency, reference, creditExpiresAt])

function refusalOf(outcome: Extract<PostOutcome, { kind: Refusal }>): ServiceError {
  if (outcome.kind === 'currency-mismatch') {
    return new ServiceError('currency_mismatch', {
      detail: `The account is in ${outcome.currency}.`,
    })
  }
  if (outcome.kind === 'not-refundable' && outcome.left > 0n) {
    const detail = `${outcome.left} micros of this charge are left to refund.`
    return new ServiceError('amount_invalid', { detail })
  }
  if (outcome.kind === 'no-account' || outcome.kind === 'not-refundable') {
    return new ServiceError('resource_not_found')
  }
  return new ServiceError('store_unavailable')
}

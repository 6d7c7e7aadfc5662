import { ServiceError } from '#shared/errors/service-error.ts'
import type { Ledger } from '#shared/metering/ledger.ts'
import type { Currency, Micros } from '#shared/metering/money.ts'
import { checkAmount, type PostReceipt, postOnce } from './post-once.ts'

export interface TopUp {
  readonly tenant: string
  /** Of the payment system: however often it is told of, a payment is credited once. */
  readonly paymentId: string
  readonly amount: Micros
  readonly currency: Currency
  /** When what is left of it is lost; absent means never. */
  readonly expiresAt?: number | undefined
}

/**
 * Credits a payment. A tenant without an account gets a prepaid one in that currency.
 * @throws ServiceError those of `postOnce`, and `parameter_invalid`
 */
export async function addCredit(
  { ledger, now = Date.now }: { ledger: Ledger; now?: () => number },
  { tenant, paymentId, amount, currency, expiresAt }: TopUp,
): Promise<PostReceipt> {
  const at = now()
  const entry = {
    tenant,
    id: `topup-${paymentId}`,
    type: 'topup',
    amount,
    currency,
    at,
    sale: undefined,
    units: {},
    reference: paymentId,
    creditExpiresAt: expiresAt,
  } as const
  // Before an account is opened: its currency is for ever.
  checkAmount(amount)
  if (expiresAt !== undefined && expiresAt <= at) {
    throw new ServiceError('parameter_invalid', { detail: 'Credit expires in the future.' })
  }
  if (!(await ledger.account(tenant))) {
    await ledger.createAccount({ tenant, currency, mode: 'prepaid', limits: {} })
  }
  return postOnce(ledger, entry)
}

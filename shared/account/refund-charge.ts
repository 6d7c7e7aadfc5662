import { ServiceError } from '#shared/errors/service-error.ts'
import type { Ledger } from '#shared/metering/ledger.ts'
import type { Micros } from '#shared/metering/money.ts'
import { findAccount } from './open-account.ts'
import { type PostReceipt, postOnce } from './post-once.ts'

export interface Refund {
  readonly tenant: string
  /** Chosen by whoever refunds: however often it is asked for, it is given once. */
  readonly refundId: string
  /** The ledger entry that it corrects. */
  readonly chargeId: string
  readonly amount: Micros
}

/**
 * Gives back a charge or a part of it, never more than was charged.
 * @throws ServiceError those of `postOnce`; `resource_not_found` where the tenant has no such charge
 */
export async function refundCharge(
  { ledger, now = Date.now }: { ledger: Ledger; now?: () => number },
  { tenant, refundId, chargeId, amount }: Refund,
): Promise<PostReceipt> {
  const { currency } = await findAccount(ledger, tenant)
  const charged = await ledger.find(tenant, chargeId)
  try {
    return await postOnce(ledger, {
      tenant,
      id: `refund-${refundId}`,
      type: 'refund',
      amount,
      currency,
      at: now(),
      // For reports; a call whose answer is forgotten has it no more.
      sale: charged?.state === 'done' ? charged.sale : undefined,
      units: {},
      reference: chargeId,
      creditExpiresAt: undefined,
    })
  } catch (thrown) {
    const nothingLeft = ServiceError.from(thrown).code === 'resource_not_found' && charged?.charge
    if (!nothingLeft) throw thrown
    throw new ServiceError('amount_invalid', { detail: 'This charge was refunded already.' })
  }
}

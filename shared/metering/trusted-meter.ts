import { ServiceError } from '#shared/errors/service-error.ts'
import { isUncapped, limitedParties } from './counter-holds.ts'
import type { AccountLimits } from './ledger.ts'
import {
  createMeter,
  type Meter,
  type MeterOptions,
  type PaidCall,
  type Receipt,
  type Ticket,
} from './metered-call.ts'
import { priceOf } from './price-book.ts'
import type { SaleOutbox, SoldCall } from './sale-outbox.ts'

export interface TrustedMeterOptions extends MeterOptions {
  outbox: SaleOutbox
  /** How long an account is taken to be what it was when it was last read. */
  rememberMs?: number
}

/**
 * The meter, which goes on without the ledger where an account is trusted: postpaid, with no cap of
 * its own or of the key, and known from before. Its calls wait in the outbox. All others fail closed.
 *
 * So does a call that may be a repetition, one with an idempotency key above all: whether it was
 * answered before, only the ledger knows.
 */
export function createTrustedMeter({
  outbox,
  rememberMs = 60 * 60 * 1_000,
  ...options
}: TrustedMeterOptions): Meter {
  const { ledger, prices, now = Date.now, retentionMs = 24 * 60 * 60 * 1_000 } = options
  const { retryWindowMs = 15 * 60 * 1_000 } = options
  const trusted = new Map<string, { readonly limits: AccountLimits; readonly until: number }>()
  const meter = createMeter({
    ...options,
    ledger: {
      ...ledger,
      async account(tenant) {
        const account = await ledger.account(tenant)
        if (account?.trusted && account.mode === 'postpaid' && isUncapped(account)) {
          trusted.set(tenant, { limits: account.limits, until: now() + rememberMs })
        } else trusted.delete(tenant)
        return account
      },
    },
  })

  /** What a retry repeats may still wait to be booked. */
  async function findSold({ tenant, retry }: PaidCall): Promise<Receipt | undefined> {
    if (!retry || retry.count === 0) return undefined
    const sold = await outbox.findRetried(tenant, retry.pointer, now())
    return sold && receiptOf(sold, true)
  }

  function mayGoOn(call: PaidCall): boolean {
    const isNew = call.keyed === false && (call.retry?.count ?? 0) === 0
    const known = trusted.get(call.tenant)
    if (!isNew || !known || now() >= known.until) return false
    return limitedParties(call, known.limits).every(isUncapped)
  }

  function ticketOf(call: PaidCall): Ticket {
    const { tenant, requestKey, fingerprint, keyId, project, model, modelDigest, retry } = call
    const price = prices.current(call.priceName, now())
    const hold = meter.quote(call, price)
    return {
      kind: 'run',
      model,
      hold,
      async settle(answer, units) {
        const actual = call.free ? 0n : priceOf(price, units)
        const sold: SoldCall = {
          tenant,
          requestKey,
          fingerprint,
          hold,
          charge: actual < hold ? actual : hold,
          units,
          sale: { keyId, project, model, modelDigest, priceId: price.id },
          answer,
          retryPointer: retry && { key: retry.pointer, until: now() + retryWindowMs },
        }
        // Others may have filled it while the model ran.
        if (!(await outbox.put(sold))) throw new ServiceError('store_unavailable')
        return receiptOf(sold, false)
      },
      // Nothing is held anywhere.
      // Nobody waits for this one.
      renew: async () => undefined,
      release: async () => {},
    }
  }

  function receiptOf({ answer, charge }: SoldCall, replayed: boolean): Receipt {
    const stored = { ...answer, expiresAt: now() + retentionMs }
    return { kind: 'answered', answer: stored, charge, account: undefined, replayed }
  }

  return {
    quote: meter.quote,
    async begin(call) {
      const sold = await findSold(call)
      if (sold) return sold
      try {
        return await meter.begin(call)
      } catch (thrown) {
        const isDown = thrown instanceof ServiceError && thrown.code === 'store_unavailable'
        if (!isDown || !mayGoOn(call) || (await outbox.isFull())) throw thrown
        return ticketOf(call)
      }
    },
  }
}

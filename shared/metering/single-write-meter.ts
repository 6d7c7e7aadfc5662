import { ServiceError } from '#shared/errors/service-error.ts'
import { isUncapped, limitedParties } from './counter-holds.ts'
import type { Account, LedgerEntry } from './ledger.ts'
import { mayComeAgain } from './may-come-again.ts'
import type { Meter, MeterOptions, PaidCall, Ticket } from './metered-call.ts'
import { chargeOf, type Price } from './price-book.ts'
import type { RecentAccount } from './recent-accounts.ts'
import { saleOf } from './sale-of.ts'
import { createSurely } from './surely.ts'

export interface SingleWriteMeterOptions extends MeterOptions {
  /** For all other calls. */
  meter: Meter
  recentAccount: RecentAccount
}

/**
 * The meter, which charges with one write where the account says so: postpaid, no cap of anybody,
 * and a call that nobody can ask for again. The charge still stands before the answer leaves, but the
 * answer is stored nowhere: who loses it and asks anew buys anew.
 */
export function createSingleWriteMeter({
  meter,
  recentAccount,
  ...options
}: SingleWriteMeterOptions): Meter {
  const { ledger, prices, now = Date.now } = options
  const surely = createSurely(options)

  function ticketOf(call: PaidCall, price: Price): Ticket {
    const { tenant, requestKey, model, free } = call
    const hold = meter.quote(call, price)
    return {
      kind: 'run',
      model,
      hold,
      async settle(answer, units) {
        const time = now()
        const charge: LedgerEntry = {
          tenant,
          id: requestKey,
          type: 'charge',
          amount: chargeOf(price, units, { hold, free }),
          currency: price.currency,
          at: time,
          sale: saleOf(call, price),
          units,
          reference: 'single-write',
          creditExpiresAt: undefined,
        }
        const { kind } = await surely(() => ledger.sell(charge))
        // The account has become another one while the model ran.
        if (kind !== 'sold') throw new ServiceError('attempt_superseded', { retryAfterSeconds: 1 })
        const stored = { ...answer, expiresAt: time }
        return {
          kind: 'answered',
          answer: stored,
          charge: charge.amount,
          account: undefined,
          replayed: false,
        }
      },
      // Nothing is held anywhere.
      renew: async () => {},
      release: async () => {},
    }
  }

  return {
    quote: meter.quote,
    async begin(call) {
      const account = mayComeAgain(call) ? undefined : await recentAccount(call.tenant)
      if (!account || !isSingleWrite(call, account)) return meter.begin(call)
      const price = prices.current(call.priceName, now())
      return price.currency === account.currency ? ticketOf(call, price) : meter.begin(call)
    },
  }
}

const isSingleWrite = (call: PaidCall, account: Account) =>
  account.metering === 'single-write' &&
  account.mode === 'postpaid' &&
  limitedParties(call, account.limits).every(isUncapped)

import { ServiceError } from '#shared/errors/service-error.ts'
import { isUncapped, limitedParties } from './counter-holds.ts'
import { isUnavailable } from './is-unavailable.ts'
import type { Account, AccountLimits } from './ledger.ts'
import { mayComeAgain } from './may-come-again.ts'
import { meterDefaults } from './meter-defaults.ts'
import {
  createMeter,
  type Meter,
  type MeterOptions,
  type PaidCall,
  type Receipt,
  type Ticket,
} from './metered-call.ts'
import { chargeOf } from './price-book.ts'
import { saleOf } from './sale-of.ts'
import type { SaleOutbox, SoldCall } from './sale-outbox.ts'

export interface TrustedMeterOptions extends MeterOptions {
  outbox: SaleOutbox
  /** How long an account is taken to be what it was when it was last read. */
  rememberMs?: number
}

export interface TrustedMeter extends Meter {
  /** Reads an account, and remembers whether it is trusted. */
  account(tenant: string): Promise<Account | undefined>
}

/** So long after a failure nobody waits for the ledger who can do without it. */
const quietMs = 5_000

/**
 * The meter, which goes on without the ledger where an account is trusted: postpaid, with no cap of
 * its own or of the key, and known from before. Its calls wait in the outbox. All others fail closed.
 *
 * So does a call that may be a repetition, one with an idempotency key above all: whether it was
 * answered before, only the ledger knows. And so does one that may be repeated, where the outbox
 * cannot be searched for it.
 */
export function createTrustedMeter({
  outbox,
  rememberMs = 60 * 60 * 1_000,
  ...options
}: TrustedMeterOptions): TrustedMeter {
  const { ledger, prices, now = Date.now } = options
  const { retentionMs, retryWindowMs } = { ...meterDefaults, ...options }
  const trusted = new Map<string, { readonly limits: AccountLimits; readonly until: number }>()
  const meter = createMeter({ ...options, ledger: { ...ledger, account: readAccount } })
  let downUntil = 0

  async function readAccount(tenant: string): Promise<Account | undefined> {
    const account = await ledger.account(tenant).catch((thrown) => {
      downUntil = now() + quietMs
      throw thrown
    })
    downUntil = 0
    if (account?.trusted && account.mode === 'postpaid' && isUncapped(account)) {
      trusted.set(tenant, { limits: account.limits, until: now() + rememberMs })
    } else trusted.delete(tenant)
    return account
  }

  /** What a retry repeats may still wait to be booked. */
  async function findSold({ tenant, retry }: PaidCall): Promise<Receipt | undefined> {
    if (!retry || retry.count === 0) return undefined
    const sold = await outbox.findRetried?.(tenant, retry.pointer, now())
    return sold && receiptOf(sold, true)
  }

  function mayGoOn(call: PaidCall): boolean {
    const canBeFound = outbox.findRetried !== undefined && call.retry?.count === 0
    if (mayComeAgain(canBeFound ? { ...call, retry: undefined } : call)) return false
    const known = trusted.get(call.tenant)
    if (!known || now() >= known.until) return false
    return limitedParties(call, known.limits).every(isUncapped)
  }

  function ticketOf(call: PaidCall): Ticket {
    const { tenant, requestKey, fingerprint, model, free, retry } = call
    const price = prices.current(call.priceName, now())
    const hold = meter.quote(call, price)
    return {
      kind: 'run',
      model,
      hold,
      async settle(answer, units) {
        const sold: SoldCall = {
          tenant,
          requestKey,
          fingerprint,
          hold,
          charge: chargeOf(price, units, { hold, free }),
          units,
          sale: saleOf(call, price),
          answer,
          retryPointer: retry && { key: retry.pointer, until: now() + retryWindowMs },
        }
        // Others may have filled it while the model ran.
        if (!(await outbox.put(sold))) throw new ServiceError('store_unavailable')
        return receiptOf(sold, false)
      },
      // Nothing is held anywhere.
      renew: async () => {},
      release: async () => {},
    }
  }

  function receiptOf({ answer, charge }: SoldCall, replayed: boolean): Receipt {
    const stored = { ...answer, expiresAt: now() + retentionMs }
    return { kind: 'answered', answer: stored, charge, account: undefined, replayed }
  }

  return {
    quote: meter.quote,
    account: readAccount,
    async begin(call) {
      const sold = await findSold(call)
      if (sold) return sold
      const mayWait = async () => mayGoOn(call) && !(await outbox.isFull())
      // A clock may have jumped back.
      const isDown = now() < downUntil && downUntil <= now() + quietMs
      if (isDown && (await mayWait())) return ticketOf(call)
      try {
        return await meter.begin(call)
      } catch (thrown) {
        if (!isUnavailable(thrown) || !(await mayWait())) throw thrown
        return ticketOf(call)
      }
    },
  }
}

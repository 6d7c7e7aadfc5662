import { addCredit } from '#shared/account/add-credit.ts'
import { creditLots } from '#shared/account/credit-lots.ts'
import { findAccount, openAccount } from '#shared/account/open-account.ts'
import type { PostReceipt } from '#shared/account/post-once.ts'
import { refundCharge } from '#shared/account/refund-charge.ts'
import { accountAnswers } from '#shared/protocols/account-answers.ts'
import {
  accountSettings,
  ofTenant,
  priceQuery,
  refund,
  topUp,
} from '#shared/protocols/account-requests.ts'
import { jsonResponse } from '#shared/protocols/http-message.ts'
import { accountAction, tenantOf } from './account-action.ts'
import { estimateAction } from './estimate-action.ts'
import { findNamed } from './find-named.ts'
import type { Services } from './services.ts'

/** Prices, credit and refunds. */
export function moneyActions(services: Services) {
  const { ledger, catalog, prices } = services
  const posted = ({ account, entry, repeated }: PostReceipt) => {
    const response = jsonResponse(
      { ...accountAnswers.entry(entry), account: accountAnswers.account(account) },
      201,
    )
    if (repeated) response.headers['idempotency-replayed'] = 'true'
    return response
  }

  return {
    price: accountAction(services, {
      schema: priceQuery,
      run({ model }) {
        const { manifest } = findNamed(catalog, model)
        const price = accountAnswers.price(prices.current(manifest.price, Date.now()))
        return { model: `${manifest.name}@${manifest.version}`, ...price }
      },
    }),
    estimate: estimateAction(services),
    account: accountAction(services, {
      schema: ofTenant,
      run: async ({ tenant }, call) =>
        accountAnswers.account(
          await findAccount(ledger, tenantOf(call, tenant, 'resource_not_found')),
        ),
    }),
    'open-account': accountAction(services, {
      schema: accountSettings,
      async run({ projects, limits, ...settings }, call) {
        const tenant = tenantOf(call, settings.tenant)
        const account = { ...settings, tenant, limits: { ...limits, projects } }
        return accountAnswers.account(await openAccount(ledger, account))
      },
    }),
    credits: accountAction(services, {
      schema: ofTenant,
      async run({ tenant }, call) {
        const account = await findAccount(ledger, tenantOf(call, tenant, 'resource_not_found'))
        const lots = await creditLots(ledger, account)
        return { ...accountAnswers.account(account), data: lots.map(accountAnswers.lot) }
      },
    }),
    'add-credit': accountAction(services, {
      schema: topUp,
      run: (asked, call) =>
        addCredit(services, {
          tenant: tenantOf(call, asked.tenant),
          paymentId: asked.payment_id,
          amount: asked.amount_micros,
          currency: asked.currency,
          expiresAt: asked.expires_at ?? undefined,
        }),
      encode: posted,
    }),
    refund: accountAction(services, {
      schema: refund,
      run: (asked, call) =>
        refundCharge(services, {
          tenant: tenantOf(call, asked.tenant),
          refundId: asked.refund_id,
          chargeId: asked.charge_id,
          amount: asked.amount_micros,
        }),
      encode: posted,
    }),
  }
}

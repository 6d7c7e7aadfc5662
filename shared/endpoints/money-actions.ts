import { addCredit } from '#shared/account/add-credit.ts'
import { creditLots } from '#shared/account/credit-lots.ts'
import { estimatePrice } from '#shared/account/estimate-price.ts'
import { findAccount, openAccount } from '#shared/account/open-account.ts'
import type { PostReceipt } from '#shared/account/post-once.ts'
import { refundCharge } from '#shared/account/refund-charge.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { taskModelOf } from '#shared/inference/task-model.ts'
import type { Units } from '#shared/metering/ledger.ts'
import { accountAnswers, exact } from '#shared/protocols/account-answers.ts'
import {
  accountSettings,
  estimate,
  nothing,
  priceQuery,
  refund,
  topUp,
} from '#shared/protocols/account-requests.ts'
import { jsonResponse } from '#shared/protocols/http-message.ts'
import { findTask } from '#shared/tasks/find-task.ts'
import { accountAction, tenantOf } from './account-action.ts'
import { purchaseOf } from './purchase-of.ts'
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
  const entryOf = (word: string) => {
    const [name = '', version] = word.split('@', 2)
    return catalog.find(name, version)
  }
  /** What the call would buy: by the very function that the model's own route uses. */
  async function unitsOf(model: string, inputs: unknown): Promise<Units> {
    const entry = entryOf(model)
    const task = await findTask(entry.manifest.task.name)
    return purchaseOf(entry, task.rows(inputs, taskModelOf(entry)).rows.length).units
  }

  return {
    price: accountAction(services, {
      schema: priceQuery,
      run({ model }) {
        const { manifest } = entryOf(model)
        const price = accountAnswers.price(prices.current(manifest.price, Date.now()))
        return { model: `${manifest.name}@${manifest.version}`, ...price }
      },
    }),
    estimate: accountAction(services, {
      schema: estimate,
      async run({ model, inputs, units }, { caller }) {
        if ((inputs === undefined) === (units === undefined)) {
          throw new ServiceError('parameter_invalid', { detail: 'Send "inputs" or "units".' })
        }
        const { manifest } = entryOf(model)
        const estimated = estimatePrice(services, {
          priceName: manifest.price,
          units: units ? fromJson(units) : await unitsOf(model, inputs),
          free: caller.mode === 'test',
        })
        const { price, amount, listAmount, isBound } = estimated
        return {
          model: `${manifest.name}@${manifest.version}`,
          price_id: price.id,
          currency: price.currency,
          units: accountAnswers.units(estimated.units),
          amount_micros: exact(amount),
          list_amount_micros: exact(listAmount),
          is_upper_bound: isBound,
        }
      },
    }),
    account: accountAction(services, {
      schema: nothing,
      run: async (_, { tenant }) => accountAnswers.account(await findAccount(ledger, tenant)),
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
      schema: nothing,
      async run(_, { tenant }) {
        const account = await findAccount(ledger, tenant)
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

function fromJson(units: Record<string, number | undefined>): Units {
  const { calls = 1, rows = 0, input_tokens = 0, output_tokens = 0, compute_ms = 0 } = units
  return {
    calls,
    rows,
    inputTokens: input_tokens,
    outputTokens: output_tokens,
    computeMs: compute_ms,
  }
}

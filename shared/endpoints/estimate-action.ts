import { estimatePrice } from '#shared/account/estimate-price.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { Units } from '#shared/metering/ledger.ts'
import { callerOf } from '#shared/middleware/authenticate/caller-of.ts'
import { isMiss } from '#shared/middleware/call.ts'
import { accountAnswers, exact } from '#shared/protocols/account-answers.ts'
import { estimate } from '#shared/protocols/account-requests.ts'
import { type HttpRequest, jsonResponse } from '#shared/protocols/http-message.ts'
import { decodePredict } from '#shared/protocols/plain-call.ts'
import { readBodyMembers } from '#shared/protocols/read-members.ts'
import { findTask } from '#shared/tasks/find-task.ts'
import { type Action, action } from './action.ts'
import { findNamed } from './find-named.ts'
import { plainPurchase } from './plain-purchase.ts'
import type { Services } from './services.ts'

/**
 * What a call would cost. With `?model=` the body is the very call, byte for byte, and what it costs
 * is exact; otherwise it names the model and holds the inputs, or units that the caller counted.
 */
export function estimateAction(services: Services): Action {
  const { catalog, prices } = services

  async function ofCall(request: HttpRequest, model: string) {
    const entry = findNamed(catalog, model)
    const { media } = await findTask(entry.manifest.task.name)
    const { inputs } = decodePredict(request, media)
    const { units } = await plainPurchase(prices, entry, request, inputs)
    return { entry, units, bounds: [] }
  }

  async function ofMembers(request: HttpRequest) {
    const { model, inputs, units } = readBodyMembers(request, estimate)
    if ((inputs === undefined) === (units === undefined)) {
      throw new ServiceError('parameter_invalid', { detail: 'Send "inputs" or "units".' })
    }
    const entry = findNamed(catalog, model)
    if (units) return { entry, units: fromJson(units), bounds: [] }
    const purchase = await plainPurchase(prices, entry, request, inputs)
    // This body is the call's and the name of the model.
    return { entry, units: purchase.units, bounds: ['perMegabyteIn'] as const }
  }

  return action(services, {
    async decode(call) {
      const { match, request } = call
      if (isMiss(match)) throw match.error
      const caller = callerOf(call)
      if (!caller) throw new ServiceError('credentials_missing')
      const { model } = request.query
      const asked = await (model === undefined ? ofMembers(request) : ofCall(request, model))
      return { ...asked, free: caller.mode === 'test' }
    },
    run: ({ entry, ...asked }) =>
      estimatePrice(services, { priceName: entry.manifest.price, ...asked }),
    encode({ price, units, amount, listAmount, isBound }, { input: { entry } }) {
      const { name, version } = entry.manifest
      const response = jsonResponse({
        model: `${name}@${version}`,
        price_id: price.id,
        currency: price.currency,
        units: accountAnswers.units(units),
        amount_micros: exact(amount),
        list_amount_micros: exact(listAmount),
        is_upper_bound: isBound,
      })
      return { ...response, headers: { 'cache-control': 'no-store', ...response.headers } }
    },
  })
}

function fromJson({ calls = 1, rows = 0, ...units }: Record<string, number | undefined>): Units {
  return {
    calls,
    rows,
    inputBytes: units.input_bytes ?? 0,
    pixels: units.pixels ?? 0,
    inputTokens: units.input_tokens ?? 0,
    outputTokens: units.output_tokens ?? 0,
    computeMs: units.compute_ms ?? 0,
  }
}

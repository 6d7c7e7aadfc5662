import type { Units } from '#shared/metering/ledger.ts'
import type { Micros } from '#shared/metering/money.ts'
import { type Price, type PriceBook, priceOf, type Rates } from '#shared/metering/price-book.ts'

export interface Estimate {
  readonly price: Price
  readonly units: Units
  /** What the caller is charged. */
  readonly amount: Micros
  /** What it costs who is billed. */
  readonly listAmount: Micros
  /** The price counts what is not known exactly, as compute time: this is the most that it costs. */
  readonly isBound: boolean
}

export interface EstimateOptions {
  readonly priceName: string
  readonly units: Units
  readonly free: boolean
  readonly bounds?: readonly (keyof Rates)[]
}

/**
 * What a call would cost now, by the same function as its charge.
 * @param free calls of test keys cost nothing
 * @param bounds rates of units that are upper bounds; compute time always is
 * @throws ServiceError `price_unknown`
 */
export function estimatePrice(
  { prices, now = Date.now }: { prices: PriceBook; now?: () => number },
  { priceName, units, free, bounds = [] }: EstimateOptions,
): Estimate {
  const price = prices.current(priceName, now())
  const listAmount = priceOf(price, units)
  const isBound = (['perComputeMs', ...bounds] as const).some((rate) => price.rates[rate])
  return { price, units, amount: free ? 0n : listAmount, listAmount, isBound }
}

import type { Units } from '#shared/metering/ledger.ts'
import type { Micros } from '#shared/metering/money.ts'
import { type Price, type PriceBook, priceOf } from '#shared/metering/price-book.ts'

export interface Estimate {
  readonly price: Price
  readonly units: Units
  /** What the caller is charged. */
  readonly amount: Micros
  /** What it costs who is billed. */
  readonly listAmount: Micros
  /** The price counts compute time, which is known only afterwards: this is the most that it costs. */
  readonly isBound: boolean
}

/**
 * What a call would cost now, by the same function as its charge.
 * @param free calls of test keys cost nothing
 * @throws ServiceError `price_unknown`
 */
export function estimatePrice(
  { prices, now = Date.now }: { prices: PriceBook; now?: () => number },
  { priceName, units, free }: { priceName: string; units: Units; free: boolean },
): Estimate {
  const price = prices.current(priceName, now())
  const listAmount = priceOf(price, units)
  const isBound = (price.rates.perComputeMs ?? 0n) > 0n
  return { price, units, amount: free ? 0n : listAmount, listAmount, isBound }
}

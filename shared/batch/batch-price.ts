import { ServiceError } from '#shared/errors/service-error.ts'
import type { Price, PriceBook } from '#shared/metering/price-book.ts'

/** Records of a batch are counted as calls and rows: the same on every machine and at every try. */
const counted: ReadonlySet<string> = new Set(['perCall', 'perThousandRows'])

/**
 * The price in force by which a job is charged.
 * @throws ServiceError `price_unknown`; `batch_price_unsupported` where it counts what differs from
 * run to run (time) or is not known of a record (bytes as sent, pixels, tokens)
 */
export function batchPrice(prices: PriceBook, name: string, now: number): Price {
  const price = prices.current(name, now)
  const other = Object.entries(price.rates).find(([rate, amount]) => amount && !counted.has(rate))
  if (!other) return price
  throw new ServiceError('batch_price_unsupported', {
    detail: `The price ${price.id} counts ${other[0]}.`,
  })
}

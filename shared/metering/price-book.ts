import { ServiceError } from '#shared/errors/service-error.ts'
import type { Units } from './ledger.ts'
import type { Currency, Micros } from './money.ts'

/** What one unit costs, in micros; absent is free. Integers only. */
export interface Rates {
  readonly perCall?: Micros | undefined
  readonly perThousandRows?: Micros | undefined
  /** Of the request's body as it was sent, compressed or not: 1,000,000 bytes, priced by the byte. */
  readonly perMegabyteIn?: Micros | undefined
  /** Of the images of a call, by the sizes that their headers tell. */
  readonly perMillionPixels?: Micros | undefined
  readonly perMillionInputTokens?: Micros | undefined
  readonly perMillionOutputTokens?: Micros | undefined
  readonly perComputeMs?: Micros | undefined
}

/** One version of a price. It never changes: a new price is a new version with a later date. */
export interface PriceVersion {
  readonly name: string
  /** Epoch milliseconds. */
  readonly effectiveFrom: number
  readonly currency: Currency
  readonly rates: Rates
}

export interface Price extends PriceVersion {
  /** Of this version, e.g. `per-call@2026-11-01`: what a hold remembers. */
  readonly id: string
}

export interface PriceBook {
  /** The version of a price in force. @throws ServiceError `price_unknown` */
  current(name: string, now: number): Price
  /** A version by its id, also one that is no longer in force. @throws ServiceError `price_unknown` */
  byId(id: string): Price
  /** Whether any version of a price counts this: what none counts need not be measured. */
  counts(name: string, rate: keyof Rates): boolean
  list(): readonly Price[]
}

export function createPriceBook(versions: readonly PriceVersion[]): PriceBook {
  const prices = versions
    .map((version) => ({ ...version, id: priceId(version) }))
    .sort((a, b) => a.effectiveFrom - b.effectiveFrom)
  const byId = new Map(prices.map((price) => [price.id, price]))
  if (byId.size !== prices.length) {
    throw new ServiceError('configuration_invalid', {
      detail: 'The price book has two versions of one price for the same date.',
    })
  }
  const unknown = (detail: string) => new ServiceError('price_unknown', { detail })
  return {
    current(name, now) {
      const found = prices.findLast((price) => price.name === name && price.effectiveFrom <= now)
      if (found) return found
      throw unknown(`There is no price "${name}" in force.`)
    },
    byId(id) {
      const found = byId.get(id)
      if (found) return found
      throw unknown(`There is no price "${id}".`)
    },
    counts: (name, rate) =>
      prices.some((price) => price.name === name && (price.rates[rate] ?? 0n) > 0n),
    list: () => prices,
  }
}

const priceId = ({ name, effectiveFrom }: PriceVersion): string =>
  `${name}@${new Date(effectiveFrom).toISOString().slice(0, 10)}`

/** What a call is charged for what it has really used: never more than was held. */
export function chargeOf(
  price: Pick<Price, 'rates'>,
  units: Units,
  { hold, free = false }: { hold: Micros; free?: boolean },
): Micros {
  const actual = free ? 0n : priceOf(price, units)
  return actual < hold ? actual : hold
}

/**
 * What these units cost: the one function behind estimate, hold and charge. Rounded once a call,
 * upward to a whole micro-unit.
 */
export function priceOf({ rates }: Pick<Price, 'rates'>, units: Units): Micros {
  const million = 1_000_000n
  const count = (value: number | undefined) => BigInt(Math.max(0, Math.ceil(value ?? 0)))
  const millionths =
    (rates.perCall ?? 0n) * count(units.calls) * million +
    (rates.perThousandRows ?? 0n) * count(units.rows) * 1_000n +
    (rates.perMegabyteIn ?? 0n) * count(units.inputBytes) +
    (rates.perMillionPixels ?? 0n) * count(units.pixels) +
    (rates.perMillionInputTokens ?? 0n) * count(units.inputTokens) +
    (rates.perMillionOutputTokens ?? 0n) * count(units.outputTokens) +
    (rates.perComputeMs ?? 0n) * count(units.computeMs) * million
  return (millionths + million - 1n) / million
}

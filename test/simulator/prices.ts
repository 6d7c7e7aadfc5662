import type { Units } from '#shared/metering/ledger.ts'
import { createPriceBook } from '#shared/metering/price-book.ts'

const versions = [
  { name: 'flat', effectiveFrom: Date.UTC(2026, 10, 1), rates: { perCall: 7n } },
  { name: 'flat', effectiveFrom: Date.UTC(2026, 11, 1), rates: { perCall: 11n } },
  {
    name: 'rows',
    effectiveFrom: Date.UTC(2026, 10, 1),
    rates: { perCall: 1n, perThousandRows: 1_500n },
  },
  // One price that falls, too: a pinned price that was forgotten shows only there.
  {
    name: 'rows',
    effectiveFrom: Date.UTC(2026, 11, 1),
    rates: { perCall: 1n, perThousandRows: 500n },
  },
  { name: 'compute', effectiveFrom: Date.UTC(2026, 10, 1), rates: { perComputeMs: 1n } },
]

export const prices = createPriceBook(versions.map((version) => ({ ...version, currency: 'USD' })))

/** The most that a call of `compute` is said to take. */
export const computeBoundMs = 20

/** The same prices once more, by hand: what a call must cost. */
export function expectedPrice(priceId: string, { rows = 0, computeMs = 0 }: Units): bigint {
  if (priceId === 'flat@2026-11-01') return 7n
  if (priceId === 'flat@2026-12-01') return 11n
  if (priceId === 'rows@2026-11-01') return BigInt(Math.ceil(1 + 1.5 * rows))
  if (priceId === 'rows@2026-12-01') return BigInt(Math.ceil(1 + 0.5 * rows))
  return BigInt(computeMs)
}

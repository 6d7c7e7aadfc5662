import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { modelKey } from '#shared/inference/model.ts'
import type { Units } from '#shared/metering/ledger.ts'
import type { Purchase } from '#shared/middleware/meter/meter.ts'

/** What a call of a model buys: the call itself, what it brings, and at most its time limit of compute. */
export function purchaseOf(
  entry: ModelEntry,
  brought: Omit<Units, 'calls' | 'computeMs'>,
): Purchase {
  const { artifact, limits, price } = entry.manifest
  return {
    model: modelKey(entry),
    modelDigest: artifact.sha256,
    priceName: price,
    units: { calls: 1, ...brought, computeMs: limits.timeoutMs },
    timeoutMs: limits.timeoutMs,
  }
}

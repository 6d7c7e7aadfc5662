export interface Statistics {
  readonly median: number
  readonly best: number
  readonly p90: number
}

export function statistics(values: readonly number[]): Statistics {
  const sorted = values.toSorted((a, b) => a - b)
  return { median: quantile(sorted, 0.5), best: quantile(sorted, 0), p90: quantile(sorted, 0.9) }
}

/** Statistics of what is better the higher it is. */
export function highest(values: readonly number[]): Statistics {
  const { median, best, p90 } = statistics(values.map((value) => -value))
  return { median: -median, best: -best, p90: -p90 }
}

/** What one of a hundred values is beyond. In any order, not empty. */
export const p99 = (values: readonly number[]): number =>
  quantile(
    values.toSorted((a, b) => a - b),
    0.99,
  )

/** Between the two nearest values in proportion. `sorted` ascending, not empty. */
function quantile(sorted: readonly number[], share: number): number {
  const place = share * (sorted.length - 1)
  const [below, above] = [sorted[Math.floor(place)] ?? 0, sorted[Math.ceil(place)] ?? 0]
  return below + (above - below) * (place % 1)
}

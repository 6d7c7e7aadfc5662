/**
 * The credits of a tenant as they are used up, call by call: the witness sees in true order what the
 * ledger derives from its entries.
 */
export function createLots() {
  let lots: { left: bigint; readonly expiresAt: number }[] = []

  return {
    add(left: bigint, expiresAt = Number.POSITIVE_INFINITY): void {
      lots.push({ left, expiresAt })
    },
    use(amount: bigint): void {
      let rest = amount
      lots = lots
        .toSorted((a, b) => a.expiresAt - b.expiresAt)
        .flatMap(({ left, expiresAt }) => {
          const kept = left - rest
          rest = kept < 0n ? -kept : 0n
          return kept > 0n ? [{ left: kept, expiresAt }] : []
        })
    },
    /** What is left of credit that has expired by then. */
    due: (time: number): bigint =>
      lots.filter(({ expiresAt }) => expiresAt <= time).reduce((sum, { left }) => sum + left, 0n),
  }
}

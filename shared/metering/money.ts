/**
 * Money is counted in millionths of a currency unit, as integers: 1_000_000n micros of `USD` are
 * one dollar. There is no floating point anywhere on its way.
 */
export type Micros = bigint

/** ISO 4217. */
export type Currency = string

/** `"12.34"` for people: at least two decimals, as many as it takes. */
export function formatMicros(amount: Micros): string {
  const digits = (amount < 0n ? -amount : amount).toString().padStart(7, '0')
  const decimals = digits.slice(-6).replace(/0{1,4}$/, '')
  return `${amount < 0n ? '-' : ''}${digits.slice(0, -6)}.${decimals}`
}

/** The number `digits` / 10^`places`. */
export interface Decimal {
  /** Whole, of at most nine digits. */
  digits: number
  places: number
}

/** 10^0 to 10^22: a double holds no larger power exactly. */
const powers = Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`))
/** 0.1, 0.01, …: no float32 lies between one of them and the double next to it. */
const fractions = Array.from({ length: 14 }, (_, zeros) => Number(`1e-${zeros + 1}`))
const found: Decimal = { digits: 0, places: 0 }

/**
 * The number whose decimal form is the shortest that still reads back as the same float32: 0.1
 * rather than 0.10000000149011612. Nine digits always suffice (IEEE 754, single precision).
 */
export function shortestFloat(value: number): number {
  const float = Math.fround(value)
  if (shortestDecimal(float, found)) return found.digits / (powers[found.places] ?? 1)
  // Six digits give back every shorter form, but among subnormal numbers (FLT_DIG, FLT_MIN of C).
  for (let digits = Math.abs(float) < 2 ** -126 ? 1 : 6; digits < 9; digits += 1) {
    const candidate = Number(float.toPrecision(digits))
    if (Math.fround(candidate) === float) return candidate
  }
  return Number(float.toPrecision(9))
}

/**
 * The same for the float32 numbers from 10^-13 up to 1, as scores are, in arithmetic alone: a tenth of
 * the time. Digits and power are exact doubles, so their quotient is the double that the text is read as.
 * @returns false where the number is another, or its last digit cannot be told from a rounded product
 */
export function shortestDecimal(float: number, into: Decimal): boolean {
  if (!(float >= 1e-13 && float < 1)) return false
  let zeros = 0
  while (float < (fractions[zeros] ?? 0)) zeros += 1
  for (let places = zeros + 6; places <= zeros + 9; places += 1) {
    const power = powers[places] ?? 1
    // Up to 10^12 the product of 24 bits and 5^12 is exact; beyond, it errs by less than 10^-6.
    const product = float * power
    const digits = Math.round(product)
    if (places > 12 && Math.abs(product - Math.floor(product) - 0.5) < 1e-6) return false
    if (places < zeros + 9 && Math.fround(digits / power) !== float) continue
    into.digits = digits
    into.places = places
    return true
  }
  return false
}

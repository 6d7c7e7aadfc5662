const minus = 0x2d
const point = 0x2e
const zero = 0x30
const quote = 0x22
const isDigit = (byte: number | undefined) => byte !== undefined && byte >= zero && byte < zero + 10

/** So many digits are a whole number that a double holds, and so is the power of ten they are divided by. */
const mostDigits = 15
const powers = Array.from({ length: mostDigits + 1 }, (_, exponent) => 10 ** exponent)

/** @returns the numbers of a record in `bytes`; `undefined` where it must be read in the long way */
export type ReadNumbers = (bytes: Uint8Array, first: number, end: number) => number[] | undefined

/**
 * The short way of a table of numbers: from the bytes of a record of CSV straight to the numbers of the
 * `wanted` columns, in their order, as the long way (`splitFields`, `plainNumber`) gives them. It takes
 * the records that are nothing special: as many fields as columns, no quotes, no NUL, and in the wanted
 * ones plain decimals of at most 15 digits; all others are for the long way, which says what is wrong.
 * @returns `undefined` for a table that has not each wanted column once
 */
export function numberFields(
  columns: readonly string[],
  wanted: readonly string[],
  separator: string,
): ReadNumbers | undefined {
  const places = columns.map((name) => wanted.indexOf(name))
  const isWhole = wanted.every((_, place) => places.filter((one) => one === place).length === 1)
  if (!isWhole || !/^[\t,;|]$/.test(separator)) return undefined
  const parting = separator.charCodeAt(0)

  return (bytes, first, end) => {
    const numbers: number[] = wanted.map(() => 0)
    let at = first
    for (let column = 0; column < places.length; column += 1) {
      const place = places[column] as number
      if (place < 0) {
        for (; at < end && bytes[at] !== parting; at += 1) {
          if (bytes[at] === quote || bytes[at] === 0) return undefined
        }
      } else {
        const isNegative = bytes[at] === minus
        if (isNegative) at += 1
        const start = at
        let digits = 0
        for (; at < end && isDigit(bytes[at]); at += 1)
          digits = digits * 10 + (bytes[at] as number) - zero
        let count = at - start
        // 007 is text.
        if (count === 0 || (count > 1 && bytes[start] === zero)) return undefined
        let decimals = 0
        if (at < end && bytes[at] === point) {
          at += 1
          const behind = at
          for (; at < end && isDigit(bytes[at]); at += 1)
            digits = digits * 10 + (bytes[at] as number) - zero
          decimals = at - behind
          if (decimals === 0) return undefined
          count += decimals
        }
        if (count > mostDigits) return undefined
        const size = digits / (powers[decimals] as number)
        numbers[place] = isNegative ? -size : size
      }
      const isLast = column === places.length - 1
      if (isLast ? at !== end : at >= end || bytes[at] !== parting) return undefined
      at += 1
    }
    return numbers
  }
}

const quote = 0x22

/** Whether the number of quotes in these bytes is odd: then one is open behind them, or none any more. */
export function oddQuotes(bytes: Uint8Array, from: number, to: number): boolean {
  let count = 0
  for (let at = from; at < to; at++) if (bytes[at] === quote) count++
  return count % 2 === 1
}

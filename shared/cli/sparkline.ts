const bars = '▁▂▃▄▅▆▇█'

/** Numbers as a line of bars, the largest the highest; nothing at all is a blank. */
export function sparkline(values: readonly number[]): string {
  const largest = Math.max(...values, 1)
  return values
    .map((value) =>
      value <= 0 ? ' ' : bars.charAt(Math.ceil((value / largest) * bars.length) - 1),
    )
    .join('')
}

/**
 * The number whose decimal form is the shortest that still reads back as the same float32: 0.1
 * rather than 0.10000000149011612. Nine digits always suffice (IEEE 754, single precision).
 */
export function shortestFloat(value: number): number {
  const float = Math.fround(value)
  // Six digits give back every shorter form, but among subnormal numbers (FLT_DIG, FLT_MIN of C).
  for (let digits = Math.abs(float) < 2 ** -126 ? 1 : 6; digits < 9; digits += 1) {
    const candidate = Number(float.toPrecision(digits))
    if (Math.fround(candidate) === float) return candidate
  }
  return Number(float.toPrecision(9))
}

const plain = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/

/**
 * Text that is a number of JSON, as that number; any other text as it is. So `007` and `+1` stay
 * text, and so do whole numbers that a double cannot hold (identifiers) and what is not finite.
 */
export function plainNumber(text: string): string | number {
  const first = text.charCodeAt(0)
  // A digit or a minus: no other text is worth the pattern.
  if (!((first >= 48 && first <= 57) || first === 45) || !plain.test(text)) return text
  const number = Number(text)
  const exact = !Number.isInteger(number) || Number.isSafeInteger(number)
  return Number.isFinite(number) && exact ? number : text
}

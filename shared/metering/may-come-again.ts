import type { PaidCall } from './metered-call.ts'

/**
 * Whether a call must be known when it comes again: it has a key, its client counts its tries, or it
 * is part of something that was begun before. Its answer is stored, so it needs a request of its own.
 */
export const mayComeAgain = ({ keyed, retry, priceId }: PaidCall): boolean =>
  keyed !== false || retry !== undefined || priceId !== undefined

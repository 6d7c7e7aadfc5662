import { shortestFloat } from './shortest-float.ts'

export interface LabelScore {
  readonly label: string
  readonly score: number
}

/** The `count` best labels, best first; equal scores keep the order of the labels. */
export function rankLabels(
  scores: ArrayLike<number>,
  labels: readonly string[],
  count: number,
): LabelScore[] {
  return labels
    .map((label, index) => ({ label, score: scores[index] ?? 0 }))
    .sort((one, other) => other.score - one.score)
    .slice(0, count)
    .map(({ label, score }) => ({ label, score: shortestFloat(score) }))
}

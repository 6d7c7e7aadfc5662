import { shortestFloat } from './shortest-float.ts'

export interface LabelScore {
  readonly label: string
  readonly score: number
}

/** More are sorted faster than put in their places one by one. */
const mostPlaces = 64

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

/**
 * The same as places, best first, of the `width` scores that begin at `first`: nothing is made and
 * nothing sorted for the few that are asked for.
 * @param places as many as are wanted
 * @returns how many were found; 0 where there are too many of them, or a score is not a number
 */
export function bestPlaces(
  scores: Float32Array,
  first: number,
  width: number,
  places: Int32Array,
): number {
  const wanted = Math.min(places.length, width)
  if (wanted > mostPlaces) return 0
  let found = 0
  for (let place = 0; place < width; place += 1) {
    const score = scores[first + place] as number
    if (Number.isNaN(score)) return 0
    let at = found
    while (at > 0 && score > (scores[first + (places[at - 1] as number)] as number)) at -= 1
    if (at === wanted) continue
    if (found < wanted) found += 1
    for (let to = found - 1; to > at; to -= 1) places[to] = places[to - 1] as number
    places[at] = place
  }
  return found
}

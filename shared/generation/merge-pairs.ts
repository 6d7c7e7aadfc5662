/** What a pair of tokens becomes, and when: the lowest rank first. */
export interface Merge {
  readonly rank: number
  readonly token: number
}

/**
 * Byte pair encoding of one word (Sennrich et al., 2016): the pair of the lowest rank is merged, the
 * leftmost of equals first, until no pair is known. A heap of candidates over a linked list keeps a
 * word of any length at n log n: whoever sends a megabyte without a space must not stop the process.
 *
 * @param symbols one token a byte; overwritten
 */
export function mergePairs(
  symbols: number[],
  find: (left: number, right: number) => Merge | undefined,
): number[] {
  const next = symbols.map((_, at) => at + 1)
  const previous = symbols.map((_, at) => at - 1)
  const heap: Candidate[] = []
  const offer = (at: number, right: number): void => {
    const left = symbols[at]
    const other = symbols[right]
    if (left === undefined || other === undefined) return
    const merge = find(left, other)
    if (merge) push(heap, { at, left, right: other, ...merge })
  }
  for (let at = 0; at + 1 < symbols.length; at += 1) offer(at, at + 1)

  for (let best = pop(heap); best; best = pop(heap)) {
    const { at, left, right, token } = best
    const second = next[at] ?? symbols.length
    // A neighbour may have been merged since; a symbol that is gone holds -1.
    if (symbols[at] !== left || symbols[second] !== right) continue
    symbols[at] = token
    symbols[second] = gone
    const third = next[second] ?? symbols.length
    next[at] = third
    if (third < symbols.length) previous[third] = at
    offer(previous[at] ?? -1, at)
    offer(at, third)
  }
  return symbols.filter((symbol) => symbol !== gone)
}

const gone = -1

interface Candidate extends Merge {
  readonly at: number
  readonly left: number
  readonly right: number
}

const isBefore = (a: Candidate, b: Candidate): boolean =>
  a.rank < b.rank || (a.rank === b.rank && a.at < b.at)

function push(heap: Candidate[], candidate: Candidate): void {
  let at = heap.length
  heap.push(candidate)
  while (at > 0) {
    const parent = (at - 1) >> 1
    const above = heap[parent]
    if (!above || !isBefore(candidate, above)) break
    heap[at] = above
    at = parent
  }
  heap[at] = candidate
}

function pop(heap: Candidate[]): Candidate | undefined {
  const [first] = heap
  const last = heap.pop()
  if (!last || heap.length === 0) return first
  let at = 0
  for (;;) {
    const left = heap[2 * at + 1]
    const right = heap[2 * at + 2]
    const isRight = left !== undefined && right !== undefined && isBefore(right, left)
    const child = isRight ? right : left
    if (!child || !isBefore(child, last)) break
    heap[at] = child
    at = 2 * at + (isRight ? 2 : 1)
  }
  heap[at] = last
  return first
}

import type { Candidate } from './candidate.ts'

/**
 * One box for each thing found, best first. Candidates that overlap the best one by more than
 * `overlap` (intersection over union) are the same thing: their boxes are averaged, weighted by
 * score, which shakes less from frame to frame than keeping the best box alone; the score is the
 * best one's (arxiv.org/abs/1907.05047, section 3.4).
 */
export function mergeOverlaps(candidates: readonly Candidate[], overlap: number): Candidate[] {
  let rest = [...candidates].sort((one, other) => other.score - one.score)
  const found: Candidate[] = []
  for (let [best] = rest; best; [best] = rest) {
    const leader = best
    const isSame = (other: Candidate) =>
      other === leader || intersectionOverUnion(leader, other) > overlap
    found.push({ ...average(rest.filter(isSame)), score: leader.score })
    rest = rest.filter((other) => !isSame(other))
  }
  return found
}

/** The area that two boxes share, as a fraction of the area they cover; 0 where neither has any. */
export function intersectionOverUnion(one: Candidate, other: Candidate): number {
  const width = Math.min(one.xmax, other.xmax) - Math.max(one.xmin, other.xmin)
  const height = Math.min(one.ymax, other.ymax) - Math.max(one.ymin, other.ymin)
  const shared = Math.max(0, width) * Math.max(0, height)
  const covered = area(one) + area(other) - shared
  return covered > 0 ? shared / covered : 0
}

const area = ({ xmin, ymin, xmax, ymax }: Candidate): number =>
  Math.max(0, xmax - xmin) * Math.max(0, ymax - ymin)

function average(group: readonly Candidate[]): Omit<Candidate, 'score'> {
  const total = group.reduce((sum, { score }) => sum + score, 0)
  const mean = (edge: 'xmin' | 'ymin' | 'xmax' | 'ymax') =>
    group.reduce((sum, box) => sum + box[edge] * box.score, 0) / total
  return { xmin: mean('xmin'), ymin: mean('ymin'), xmax: mean('xmax'), ymax: mean('ymax') }
}

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Candidate } from '#shared/tasks/detection/candidate.ts'
import { intersectionOverUnion, mergeOverlaps } from '#shared/tasks/detection/merge-overlaps.ts'

const unit = fc.integer({ min: 0, max: 100 }).map((value) => value / 100)
const candidate: fc.Arbitrary<Candidate> = fc
  .tuple(unit, unit, unit, unit, fc.integer({ min: 50, max: 100 }))
  .map(([x, y, width, height, score]) => ({
    score: score / 100,
    xmin: x,
    ymin: y,
    xmax: x + width,
    ymax: y + height,
  }))
const candidates = fc.array(candidate, { maxLength: 30 })

describe('mergeOverlaps', () => {
  it('makes one box of boxes that overlap, weighted by score', () => {
    const one = { score: 0.9, xmin: 0, ymin: 0, xmax: 1, ymax: 1 }
    const two = { score: 0.6, xmin: 0.1, ymin: 0, xmax: 1.1, ymax: 1 }
    const [merged, ...others] = mergeOverlaps([two, one], 0.3)
    expect(others).toEqual([])
    expect(merged?.score).toBe(0.9)
    expect(merged?.xmin).toBeCloseTo(0.04)
    expect(merged?.xmax).toBeCloseTo(1.04)
  })

  it('keeps boxes that lie apart, best first', () => {
    const one = { score: 0.6, xmin: 0, ymin: 0, xmax: 0.2, ymax: 0.2 }
    const two = { score: 0.9, xmin: 0.5, ymin: 0.5, xmax: 0.7, ymax: 0.7 }
    expect(mergeOverlaps([one, two], 0.3).map(({ score }) => score)).toEqual([0.9, 0.6])
  })

  it('finds the same leaders as suppression box by box', () => {
    fc.assert(
      fc.property(candidates, unit, (all, overlap) => {
        const leaders: Candidate[] = []
        for (const next of [...all].sort((a, b) => b.score - a.score)) {
          const covered = leaders.some((leader) => intersectionOverUnion(leader, next) > overlap)
          if (!covered) leaders.push(next)
        }
        expect(mergeOverlaps(all, overlap).map(({ score }) => score)).toEqual(
          leaders.map(({ score }) => score),
        )
      }),
    )
  })

  it('places each box within the edges of what it merges', () => {
    fc.assert(
      fc.property(candidates, (all) => {
        for (const box of mergeOverlaps(all, 0.3)) {
          expect(box.xmin).toBeGreaterThanOrEqual(Math.min(...all.map(({ xmin }) => xmin)) - 1e-9)
          expect(box.ymax).toBeLessThanOrEqual(Math.max(...all.map(({ ymax }) => ymax)) + 1e-9)
        }
      }),
    )
  })

  it('measures overlap from 0 to 1, the same both ways, 1 with itself', () => {
    fc.assert(
      fc.property(candidate, candidate, (one, other) => {
        const overlap = intersectionOverUnion(one, other)
        expect(overlap).toBeGreaterThanOrEqual(0)
        expect(overlap).toBeLessThanOrEqual(1 + 1e-9)
        expect(intersectionOverUnion(other, one)).toBe(overlap)
        const area = (one.xmax - one.xmin) * (one.ymax - one.ymin)
        if (area > 0) expect(intersectionOverUnion(one, one)).toBeCloseTo(1)
      }),
    )
  })
})

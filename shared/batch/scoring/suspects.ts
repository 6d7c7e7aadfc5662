import type { Ending } from '#shared/inference/killable-process.ts'
import type { RecordRange } from './scoring-messages.ts'

/** How a process is to go on where another died. */
export interface ScoringOrder {
  /** The first record whose line is missing. */
  readonly from: number
  /** No run may hold records of both sides of one of these places. */
  readonly cuts: readonly number[]
  /** Up to here each run may be the last: its lines are to be sent before the next begins. */
  readonly carefulUntil: number
  /** Records that are not to be run any more. */
  readonly condemned: readonly Condemned[]
}

export interface Condemned {
  readonly record: number
  readonly code: 'record_timed_out' | 'record_out_of_memory' | 'record_crashed'
}

/** Which records a chunk's processes died of. */
export interface Suspects {
  /** A process died while it ran these. */
  died(range: RecordRange, kind: Ending['kind']): void
  /** Whether a process has died while it ran these, and perhaps others. */
  suspects(range: RecordRange): boolean
  order(from: number): ScoringOrder
  readonly condemned: number
}

const codes = {
  'timed-out': 'record_timed_out',
  'out-of-memory': 'record_out_of_memory',
  crashed: 'record_crashed',
  stopped: 'record_crashed',
} as const satisfies Record<Ending['kind'], Condemned['code']>

/**
 * Bisection over processes: a run that kills its process is cut in halves, and so on down to one
 * record. A record is condemned when a process dies of it alone and another has died of it before:
 * a process that somebody else killed must not cost a record.
 */
export function createSuspects(): Suspects {
  const deadly: RecordRange[] = []
  const cuts = new Set<number>()
  const condemned: Condemned[] = []
  const suspects = ({ first, end }: RecordRange) =>
    deadly.some((range) => range.first <= first && end <= range.end)

  return {
    suspects,
    died(range, kind) {
      const { first, end } = range
      const isKnown = suspects(range)
      deadly.push(range)
      for (const place of [first, Math.ceil((first + end) / 2), end]) cuts.add(place)
      if (isKnown && end - first === 1) condemned.push({ record: first, code: codes[kind] })
    },
    order: (from) => ({
      from,
      cuts: [...cuts].filter((place) => place > from).sort((one, other) => one - other),
      carefulUntil: Math.max(0, ...deadly.map(({ end }) => end)),
      condemned: condemned.filter(({ record }) => record >= from),
    }),
    get condemned() {
      return condemned.length
    },
  }
}

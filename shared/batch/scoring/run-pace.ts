/** How many runs are announced at a time: each message costs as much as many rows of a small model. */
export interface RunPace {
  /** How many the next announcement may stand for. */
  readonly runs: number
  /** So many were done, in this time. */
  took(runs: number, timeMs: number): void
}

/** What a death may cost is run again: a quarter of what was done before, and so long at most. */
const share = 1 / 4
const longestMs = 100

export function createRunPace(): RunPace {
  let done = 0
  let passedMs = 0
  return {
    get runs() {
      const affordable = passedMs > 0 ? (longestMs * done) / passedMs : 1
      return Math.max(1, Math.floor(Math.min(done * share, affordable)))
    },
    took(runs, timeMs) {
      done += runs
      passedMs += timeMs
    },
  }
}

import type { Pressure } from './batch-services.ts'

export interface WorkWidthOptions {
  /** How many pieces of work are done at a time at first. */
  readonly start: number
  /** Never more than so many. */
  readonly most: number
}

export interface WorkWidth {
  /** How many may be worked on now. */
  readonly value: number
  /** A piece of work begins; what it gives back is told when it ends. */
  begin(): WorkBegun
  /**
   * @param worked what has been done until now in all, in any unit: records
   * @param pressure why it could not be done, where that was too much at a time
   */
  end(begun: WorkBegun, now: { at: number; worked: number; pressure?: Pressure | undefined }): void
}

/** Names the halvings that were known when it began. */
export type WorkBegun = number

/** So much faster it must become, or it was chance. */
const gain = 1.03
/** So many rounds after one more did not help it is tried again: what is behind may have changed. */
const patience = 16

interface Round {
  ends: number
  readonly at: number
  readonly worked: number
}

/**
 * How much is worked on at a time, from what comes out of it: one more while that makes it faster, one
 * less where it did not, half where a store says that it is too much (as TCP does it). Where holds of
 * money are refused because of those that run, no more than ran without.
 *
 * A round is as many ends as are worked on at a time; the rates of two rounds are compared.
 */
export function createWorkWidth({ start, most }: WorkWidthOptions): WorkWidth {
  let value = Math.min(start, most)
  let running = 0
  let halvings = 0
  let round: Round | undefined
  /** Of the last round, and whether it was the first one after there was one more. */
  let last: { readonly rate: number; readonly grown: boolean } | undefined
  let heldRounds = 0

  function restart(width: number, rounds = 0): void {
    value = Math.max(1, width)
    round = undefined
    last = undefined
    heldRounds = rounds
  }
  function finishRound(rate: number): void {
    const hasGained = last === undefined || rate > last.rate * gain
    if (last?.grown && !hasGained) {
      value = Math.max(1, value - 1)
      heldRounds = patience
    }
    heldRounds = Math.max(0, heldRounds - 1)
    const grows = heldRounds === 0 && value < most
    if (grows) value += 1
    last = { rate, grown: grows }
  }

  return {
    get value() {
      return value
    },
    begin() {
      running += 1
      return halvings
    },
    end(begun, { at, worked, pressure }) {
      // Where there is not enough to do, the rate says nothing.
      const isFull = running >= value - 1
      running -= 1
      if (pressure === 'held') return restart(Math.min(value, running), patience)
      if (pressure === 'throttled') {
        // What had begun before the last halving tells of the time before it.
        if (begun < halvings) return
        halvings += 1
        return restart(Math.floor(value / 2))
      }
      if (!round || !isFull) {
        round = isFull ? { ends: 0, at, worked } : undefined
        return
      }
      round.ends += 1
      if (round.ends < value || at <= round.at) return
      const rate = (worked - round.worked) / (at - round.at)
      round = { ends: 0, at, worked }
      finishRound(rate)
    },
  }
}

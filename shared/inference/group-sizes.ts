/**
 * Learns how many calls of one kind should share a run. Pure: it is told what took how long, and says
 * how many of those that wait to take.
 *
 * Sizes are learned in classes: 1, 2, 3-4, 5-8, and so on, each by its latest times a call. Calls are
 * joined only where that saves 5 %, so that it never loses to not joining them. What looking for a
 * better class costs is about 0.6 % of all time, and for a class that is not known yet a tenth of what
 * sharing has saved.
 */
export interface GroupSizes {
  /**
   * @param waiting calls that may share a run, at least one
   * @param budgetMs how long a run may take
   * @returns how many of them to take, from 1
   */
  choose(waiting: number, budgetMs?: number): number
  /** So many calls took so long together. */
  learn(calls: number, tookMs: number): void
}

interface SizeClass {
  readonly latest: number[]
  /** Milliseconds a call; the lower quartile of the latest: what else the machine does only adds. */
  eachMs: number
  /** When it was last learned about, in runs. */
  at: number
}

const keptTimes = 15
/** A class is judged by no fewer. */
const enoughTimes = 3
const worthwhileGain = 1.05
const searchShare = 0.006
const gainShare = 0.1
/** A class that seems to cost more times as much was unlucky: a machine has other things to do. */
const mostLoss = 3
/** A class that is not in use is looked at again after so many runs. */
const staleRuns = 200

export function createGroupSizes(mostCalls: number): GroupSizes {
  const classes: SizeClass[] = []
  let runs = 0
  let spentMs = 0
  let savedMs = 0
  let lostMs = 0

  const known = (at: number) => {
    const found = classes[at]
    return found && found.latest.length >= enoughTimes ? found : undefined
  }
  /** The class of least time a call up to this one. */
  const bestUpTo = (last: number): number => {
    const alone = known(0)
    let best = 0
    let leastMs = (alone?.eachMs ?? 0) / worthwhileGain
    for (let at = 1; at <= last; at += 1) {
      const found = known(at)
      if (!found || found.eachMs > leastMs) continue
      best = at
      leastMs = found.eachMs
    }
    return best
  }
  /** What so many calls cost more in one class than in another, from what little may be known. */
  const lossMs = (at: number, best: number, calls: number): number => {
    const bestMs = classes[best]?.eachMs ?? 0
    const eachMs = Math.min(classes[at]?.eachMs ?? 0, bestMs * mostLoss)
    return Math.max(0, eachMs - bestMs) * calls
  }
  const callsOf = (at: number, waiting: number) => Math.min(2 ** at, waiting)

  return {
    choose(waiting, budgetMs = Number.POSITIVE_INFINITY) {
      const available = Math.min(waiting, mostCalls)
      const alone = known(0)
      if (available < 2 || !alone) return 1
      let last = classOf(available)
      while (last > 0 && alone.eachMs * callsOf(last, available) > budgetMs) last -= 1
      const best = bestUpTo(last)
      // Smaller classes first: what is lost with them is less.
      const reachable = Array.from({ length: last + 1 }, (_, at) => at)
      const unknown = reachable.find((at) => !known(at))
      const old = reachable.find((at) => at !== best && runs - (classes[at]?.at ?? 0) > staleRuns)
      const stakeMs = spentMs * searchShare + (unknown === undefined ? 0 : savedMs * gainShare)
      const tried = unknown ?? old ?? best
      const likelyLossMs = lossMs(tried, best, callsOf(tried, available))
      return callsOf(lostMs + likelyLossMs <= stakeMs ? tried : best, available)
    },
    learn(calls, tookMs) {
      const at = classOf(calls)
      const tookEachMs = tookMs / calls
      runs += 1
      spentMs += tookMs
      classes[at] ??= { latest: [], eachMs: tookEachMs, at: runs }
      const { latest } = classes[at]
      latest.push(tookEachMs)
      if (latest.length > keptTimes) latest.shift()
      const sorted = latest.toSorted((a, b) => a - b)
      classes[at].eachMs = sorted[sorted.length >> 2] ?? tookEachMs
      classes[at].at = runs
      const best = bestUpTo(classOf(mostCalls))
      if (at === best) savedMs += lossMs(0, best, calls)
      else if (known(best)) lostMs += lossMs(at, best, calls)
    },
  }
}

const classOf = (calls: number): number => Math.ceil(Math.log2(calls))

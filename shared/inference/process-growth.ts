import { processUsage } from './process-usage.ts'

export interface ProcessGrowthOptions {
  readonly pid: number | undefined
  /** It has grown when it holds so much more than after its first works. */
  readonly limitBytes?: number | undefined
  /** To look takes 0.03 ms: no sooner after the last look than this. */
  readonly everyMs?: number
}

/** Whether a process holds so much more than it did that another should take its place. */
export interface ProcessGrowth {
  /**
   * To be asked after each of its works.
   * @param reservedBytes what was set aside before the first, and takes memory only once it is written
   */
  hasGrown(reservedBytes?: number): boolean
  /** From now on it works at something new, too. */
  settleAnew(): void
}

/** The first works take memory that later ones use again. */
const settlingWorks = 16

export function processGrowth({
  pid = 0,
  limitBytes = 256 * 2 ** 20,
  everyMs = 0,
}: ProcessGrowthOptions): ProcessGrowth {
  let works = 0
  let settledBytes: number | undefined
  let lookedAtMs = 0
  let isGrown = false
  return {
    hasGrown(reservedBytes = 0) {
      works += 1
      const nowMs = performance.now()
      if (works < settlingWorks || nowMs - lookedAtMs < everyMs) return isGrown
      lookedAtMs = nowMs
      const sizeBytes = processUsage(pid)?.rssBytes ?? 0
      settledBytes ??= sizeBytes + reservedBytes
      isGrown = sizeBytes > settledBytes + limitBytes
      return isGrown
    },
    settleAnew() {
      works = 0
      settledBytes = undefined
    },
  }
}

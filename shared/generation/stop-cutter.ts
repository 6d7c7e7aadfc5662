export interface StopCutter {
  /** What may be shown of the text so far, now that this has been added. */
  push(text: string): string
  /** What was held back, now that nothing follows. */
  end(): string
  /** A stop sequence has come: it and what follows it are cut off. */
  readonly stopped: boolean
}

/**
 * Ends a text where the first of some sequences begins. What may turn out to be the beginning of one
 * is held back until that is known, so no part of a stop sequence is ever shown.
 */
export function createStopCutter(stops: readonly string[]): StopCutter {
  let held = ''
  let stopped = false
  return {
    get stopped() {
      return stopped
    },
    push(text) {
      if (stopped) return ''
      held += text
      const found = stops.map((stop) => held.indexOf(stop)).filter((at) => at >= 0)
      stopped = found.length > 0
      const shown = stopped ? Math.min(...found) : held.length - longestBeginning(held, stops)
      const visible = held.slice(0, shown)
      held = stopped ? '' : held.slice(shown)
      return visible
    },
    end() {
      const rest = held
      held = ''
      return rest
    },
  }
}

/** How many characters at the end of a text may be the beginning of a stop sequence. */
function longestBeginning(text: string, stops: readonly string[]): number {
  const longest = Math.max(0, ...stops.map((stop) => stop.length - 1))
  for (let size = Math.min(longest, text.length); size > 0; size -= 1) {
    if (stops.some((stop) => stop.length > size && text.endsWith(stop.slice(0, size)))) return size
  }
  return 0
}

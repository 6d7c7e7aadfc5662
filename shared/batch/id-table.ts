import { hash } from 'node:crypto'

/** Where each id was met first. Of ids only 64 bits of their SHA-256 are kept: 20 to 40 bytes each. */
export interface IdTable {
  readonly size: number
  /** @returns the line of the same id, or `undefined` and it is remembered */
  add(id: string, line: number): number | undefined
}

/** Two ids of five million are taken for one with a chance of 1 in a million. */
export function createIdTable(): IdTable {
  let slots = 1_024
  let high = new Uint32Array(slots)
  let low = new Uint32Array(slots)
  /** 0 where a slot is free; lines count from 1. */
  let lines = new Uint32Array(slots)
  let size = 0

  /** The slot of an id, or the free one where it belongs. */
  function slotOf(first: number, second: number): number {
    let slot = first % slots
    while (lines[slot] !== 0 && (high[slot] !== first || low[slot] !== second)) {
      slot = (slot + 1) % slots
    }
    return slot
  }

  function set(first: number, second: number, line: number): void {
    const slot = slotOf(first, second)
    high[slot] = first
    low[slot] = second
    lines[slot] = line
  }

  function grow(): void {
    const [highs, lows, known] = [high, low, lines]
    slots *= 2
    high = new Uint32Array(slots)
    low = new Uint32Array(slots)
    lines = new Uint32Array(slots)
    for (const [slot, line] of known.entries()) {
      if (line !== 0) set(highs[slot] ?? 0, lows[slot] ?? 0, line)
    }
  }

  return {
    get size() {
      return size
    },
    add(id, line) {
      const digest = hash('sha256', id, 'buffer')
      const [first, second] = [digest.readUInt32LE(0), digest.readUInt32LE(4)]
      const standing = lines[slotOf(first, second)]
      if (standing) return standing
      size += 1
      if (size > slots * 0.6) grow()
      set(first, second, line)
      return undefined
    },
  }
}

import type { ProgressMark } from './job.ts'

/** So many marks a job keeps, whatever its size. */
const slots = 16
/** An octave of chunks, from one power of two to the next, fills half of them. */
const slotsOfOctave = slots / 2

/**
 * Where the time of a chunk is noted, over what was there before. Slots stand for more and more
 * chunks, so that the marks reach from about a quarter of what is done until now, in jobs of ten chunks
 * and of ten thousand: fewer would be noise, and older ones tell of another pace. It follows from the
 * number alone, so that every store can write its mark without reading the others.
 */
export function markSlot(chunk: number): number {
  const place = chunk + slotsOfOctave
  const octave = 31 - Math.clz32(place)
  const step = Math.floor((place * slotsOfOctave) / 2 ** octave) % slotsOfOctave
  return (octave * slotsOfOctave + step) % slots
}

/** As they followed each other; clocks of many writers may differ by a little. */
export const toMarks = (told: readonly (readonly [at: number, bytes: number])[]): ProgressMark[] =>
  told.map(([at, bytes]) => ({ at, bytes })).sort((one, other) => one.bytes - other.bytes)

import { createHash } from 'node:crypto'

/** The same bytes on every run, without a repetition that could hide a shift. */
export const someBytes = (length: number, seed = 1): Uint8Array =>
  createHash('shake256', { outputLength: length }).update(`seed ${seed}`).digest()

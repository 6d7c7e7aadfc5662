import { extname } from 'node:path'

/**
 * The program of the processes that score batches: `score-process.ts`, which a package carries as
 * `score-process.mjs` beside the bundle that this file is in.
 */
export const scoreProgram = new URL(`./score-process${extname(import.meta.url)}`, import.meta.url)

/** Under which a chunk's request stands in the ledger: it can be sold once, for ever. */
export const chunkKey = (jobId: string, chunk: number): string => `${jobId}-${chunk}`

import type { ChunkReport } from './chunk.ts'

/** What is stored as the answer of a chunk's request; what it was charged stands beside it. */
export type StoredReport = Omit<ChunkReport, 'charge'>

/** The report of a chunk that was sold. */
export function reportFrom({ answer, charge }: SoldChunk): ChunkReport {
  const report = JSON.parse(Buffer.from(answer.body).toString()) as StoredReport
  return { ...report, charge: String(charge) }
}

interface SoldChunk {
  readonly answer: { readonly body: Uint8Array }
  readonly charge: bigint
}

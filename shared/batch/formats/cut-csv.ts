import { ServiceError } from '#shared/errors/service-error.ts'
import type { ObjectStore, StoredObject } from '../object-store.ts'
import type { ChunkRange } from '../plan.ts'
import { exactBytes } from './chunk-bytes.ts'
import { cutLines } from './cut-lines.ts'
import { oddQuotes } from './odd-quotes.ts'

export interface CutCsvOptions {
  readonly chunkBytes: number
  /** Of the first range; `cutLines` says how the next ones grow. */
  readonly firstBytes?: number | undefined
  /** The limit of one record: what is open for longer at the end will never be closed. */
  readonly recordBytes?: number | undefined
}

const quote = 0x22

/**
 * Ranges of CSV, each with whether it begins inside quotes: one pass over the file that counts
 * quotes. Doubled quotes keep the parity, so that counting is enough.
 * @throws ServiceError `batch_input_invalid` where a quote is not closed and swallows the rest
 */
export async function cutCsv(
  read: ObjectStore['read'],
  object: StoredObject,
  { chunkBytes, firstBytes, recordBytes = 1_000_000 }: CutCsvOptions,
): Promise<ChunkRange[]> {
  const { sizeBytes } = object
  const whole = { start: 0, end: sizeBytes }
  const ranges = cutLines(sizeBytes, chunkBytes, firstBytes)
  const quotedAt: boolean[] = []
  let quoted = false
  let lastQuote = -1
  let place = 0
  for await (const block of exactBytes(read, object, whole, { lent: true })) {
    const last = block.lastIndexOf(quote)
    if (last >= 0) lastQuote = place + last
    let from = 0
    while (from < block.length) {
      if (place + from === ranges[quotedAt.length]?.start) quotedAt.push(quoted)
      const next = ranges[quotedAt.length]?.start ?? sizeBytes
      const to = Math.min(block.length, next - place)
      if (oddQuotes(block, from, Math.min(to, last + 1))) quoted = !quoted
      from = to
    }
    place += block.length
  }
  if (quoted && sizeBytes - lastQuote > recordBytes) {
    const detail = `The quote at byte ${lastQuote} is not closed again.`
    throw new ServiceError('batch_input_invalid', { detail })
  }
  return ranges.map((range, index) => (quotedAt[index] ? { ...range, quoted: true } : range))
}

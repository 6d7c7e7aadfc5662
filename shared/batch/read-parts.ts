import { createHash } from 'node:crypto'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { ChunkReport } from './chunk.ts'
import type { ObjectStore } from './object-store.ts'

/** One line of the parts, in the order of the input. */
export interface NumberedLine {
  /** From 1, over the whole input. */
  readonly record: number
  /** Lines of the chunks before this one. */
  readonly linesBefore: number
  /** A part line without its newline: JSON. */
  readonly bytes: Buffer
}

/** What a chunk holds that was not scored. */
export interface UnscoredChunk {
  readonly records: number
  readonly lines: number
  /** Part lines that tell of its records, where the outputs are to. */
  readonly part?: Uint8Array
}

/**
 * The lines of finished chunks, numbered through; memory is that of one part. A part whose bytes are
 * not those that were settled is never passed on.
 *
 * @param unscored of a stopped job: asked about chunks that are not finished, those behind the last
 * finished one only up to `chunks`
 * @throws ServiceError `object_gone` where a part is missing, `store_unavailable`, `internal` where
 * its digest is not the settled one
 */
export async function* readParts(
  reports: AsyncIterable<ChunkReport>,
  objects: ObjectStore,
  unscored: (chunk: number) => Promise<UnscoredChunk>,
  chunks = 0,
): AsyncGenerator<NumberedLine[]> {
  let record = 0
  let linesBefore = 0
  let next = 0
  for await (const report of reports) {
    yield* skipTo(report.chunk)
    next = report.chunk + 1
    yield numbered(await readPart(report, objects))
    linesBefore += report.lines
  }
  yield* skipTo(chunks)

  async function* skipTo(chunk: number): AsyncGenerator<NumberedLine[]> {
    for (; next < chunk; next += 1) {
      const { part, records, lines } = await unscored(next)
      if (part) yield numbered(Buffer.from(part))
      else record += records
      linesBefore += lines
    }
  }
  function numbered(part: Buffer): NumberedLine[] {
    const lines: NumberedLine[] = []
    for (let start = 0; start < part.length; ) {
      const end = part.indexOf(10, start)
      record += 1
      lines.push({ record, linesBefore, bytes: part.subarray(start, end) })
      start = end + 1
    }
    return lines
  }
}

async function readPart({ part }: ChunkReport, objects: ObjectStore): Promise<Buffer> {
  const object = await objects.head(part.key)
  if (!object) throw new ServiceError('object_gone', { detail: 'A part of the job was deleted.' })
  const bytes = Buffer.allocUnsafe(part.sizeBytes)
  const digest = createHash('sha256')
  let filled = 0
  for await (const piece of objects.read(object)) {
    if (filled + piece.length > bytes.length) break
    bytes.set(piece, filled)
    digest.update(piece)
    filled += piece.length
  }
  if (filled === bytes.length && digest.digest('hex') === part.sha256) return bytes
  throw new ServiceError('internal', { detail: 'A part of the job is not what was settled.' })
}

import { createHash } from 'node:crypto'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { ChunkReport } from './chunk.ts'
import type { ObjectStore } from './object-store.ts'

/** Where in the parts one goes on: before the chunk. */
export interface PartsPlace {
  readonly chunk: number
  /** Records and lines of the chunks before it. */
  readonly record: number
  readonly linesBefore: number
}

/** The lines of one chunk, in the order of the input. */
export interface NumberedPart extends PartsPlace {
  /** JSON with a newline behind each, valid until the next part is asked for. */
  readonly bytes: Buffer
  readonly next: PartsPlace
}

/** What a chunk holds that was not scored. */
export interface UnscoredChunk {
  readonly records: number
  readonly lines: number
  /** Part lines that tell of its records, where the outputs are to. */
  readonly part?: Uint8Array
}

export interface PartsOptions {
  /** From the chunk of `from`. */
  readonly reports: AsyncIterable<ChunkReport>
  readonly objects: ObjectStore
  /** Asked about chunks that are not finished, those behind the last finished one only up to `chunks`. */
  readonly unscored: (chunk: number) => Promise<UnscoredChunk>
  readonly chunks?: number
  readonly from?: PartsPlace | undefined
  /** Whether the part is of any use; only counted otherwise. */
  readonly isWanted?: (report: ChunkReport) => boolean
}

/**
 * The parts of finished chunks, numbered through; memory is that of one part. A part whose bytes are
 * not those that were settled is never passed on.
 *
 * @throws ServiceError `object_gone` where a part is missing or its digest is not the settled one,
 * `store_unavailable`
 */
export async function* readParts({
  reports,
  objects,
  unscored,
  chunks = 0,
  from = { chunk: 0, record: 0, linesBefore: 0 },
  isWanted = () => true,
}: PartsOptions): AsyncGenerator<NumberedPart> {
  let { chunk: next, record, linesBefore } = from
  let memory = Buffer.alloc(0)
  for await (const report of reports) {
    yield* skipTo(report.chunk)
    if (isWanted(report)) {
      const { sizeBytes } = report.part
      if (memory.length < sizeBytes) memory = Buffer.allocUnsafeSlow(sizeBytes)
      yield numbered(await readPart(report, memory, objects), report)
    } else pass(report)
  }
  yield* skipTo(chunks)

  async function* skipTo(chunk: number): AsyncGenerator<NumberedPart> {
    while (next < chunk) {
      const { part, records, lines } = await unscored(next)
      const counts = { results: 0, errors: records, lines }
      if (part) yield numbered(Buffer.from(part), counts)
      else pass(counts)
    }
  }
  function numbered(bytes: Buffer, counts: Counts): NumberedPart {
    const place = { chunk: next, record, linesBefore }
    pass(counts)
    return { ...place, bytes, next: { chunk: next, record, linesBefore } }
  }
  function pass(report: Counts): void {
    next += 1
    record += report.results + report.errors
    linesBefore += report.lines
  }
}

type Counts = Pick<ChunkReport, 'results' | 'errors' | 'lines'>

/** Into the memory that is given, which is large enough. */
async function readPart(
  { part }: ChunkReport,
  memory: Buffer,
  objects: ObjectStore,
): Promise<Buffer> {
  const object = await objects.head(part.key)
  if (!object) throw new ServiceError('object_gone', { detail: 'A part of the job was deleted.' })
  const bytes = memory.subarray(0, part.sizeBytes)
  const digest = createHash('sha256')
  let filled = 0
  for await (const piece of objects.read(object, undefined, { lent: true })) {
    if (filled + piece.length > bytes.length) break
    bytes.set(piece, filled)
    digest.update(piece)
    filled += piece.length
  }
  if (filled === bytes.length && digest.digest('hex') === part.sha256) return bytes
  throw new ServiceError('object_gone', { detail: 'A part of the job is not what was settled.' })
}

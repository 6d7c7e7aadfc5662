import { ServiceError } from '#shared/errors/service-error.ts'
import type { ByteRange, ObjectStore, ReadOptions, StoredObject } from '../object-store.ts'

/** What is read at a time behind a chunk, to finish its last record: little at first. */
const firstStepBytes = 65_536
const longestStepBytes = 1_048_576

/**
 * The bytes of a range, and then on to the end of the object for as long as the caller asks. Blocks
 * smaller than `blockBytes` are put together, since each costs the caller some work of its own.
 * @throws ServiceError `store_unavailable` where the store gave fewer bytes than there are: a
 *   record cut off by a broken connection must not pass for one that ends there
 */
export async function* chunkBytes(
  read: ObjectStore['read'],
  object: StoredObject,
  { start, end }: ByteRange,
  blockBytes: number,
): AsyncGenerator<Buffer> {
  const { sizeBytes } = object
  let step = firstStepBytes
  let at = start
  for (let to = Math.min(end, sizeBytes); at < to; to = Math.min(to + step, sizeBytes)) {
    yield* together(exactBytes(read, object, { start: at, end: to }), blockBytes)
    if (at > start) step = Math.min(step * 2, longestStepBytes)
    at = to
  }
}

async function* together(blocks: AsyncIterable<Buffer>, blockBytes: number) {
  let pieces: Buffer[] = []
  let size = 0
  for await (const block of blocks) {
    pieces.push(block)
    size += block.length
    if (size < blockBytes) continue
    yield pieces.length === 1 ? block : Buffer.concat(pieces)
    pieces = []
    size = 0
  }
  if (size > 0) yield Buffer.concat(pieces)
}

/** All bytes of a range, neither more nor less. */
export async function* exactBytes(
  read: ObjectStore['read'],
  object: StoredObject,
  range: ByteRange,
  options?: ReadOptions,
): AsyncGenerator<Buffer> {
  if (range.end <= range.start) return
  let missing = range.end - range.start
  for await (const bytes of read(object, range, options)) {
    if (bytes.length === 0) continue
    missing -= bytes.length
    if (missing < 0) break
    yield Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  }
  if (missing === 0) return
  const detail = `Of ${range.end - range.start} bytes ${Math.abs(missing)} were ${missing > 0 ? 'missing' : 'too many'}.`
  throw new ServiceError('store_unavailable', { detail })
}

import { type AsyncBuffer, type FileMetaData, parquetMetadata } from 'hyparquet'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { ObjectStore, StoredObject } from '../object-store.ts'
import { checkFooter } from './check-footer.ts'
import { exactBytes } from './chunk-bytes.ts'

export interface ParquetFile {
  readonly file: AsyncBuffer
  readonly metadata: FileMetaData
}

const magic = 'PAR1'
/** The length of the footer, and the magic. */
const tailBytes = 8
const longestFooterBytes = 64_000_000

/**
 * A stored Parquet file: its footer, and ranged reads of the rest.
 * @throws ServiceError `batch_input_invalid` where the footer is none
 */
export async function openParquet(
  read: ObjectStore['read'],
  object: StoredObject,
): Promise<ParquetFile> {
  const slice = async (start: number, end = object.sizeBytes) =>
    (await rangeOf(read, object, start, end)).buffer as ArrayBuffer
  const file = { byteLength: object.sizeBytes, slice }
  const { sizeBytes } = object
  if (sizeBytes < magic.length + tailBytes) throw invalid('It is too short to be Parquet.')
  const tail = await rangeOf(read, object, sizeBytes - tailBytes, sizeBytes)
  const footerBytes = tail.readUInt32LE(0)
  if (tail.toString('latin1', 4) !== magic) {
    throw invalid('It does not end as Parquet does; it may have been cut off.')
  }
  if (footerBytes > sizeBytes - magic.length - tailBytes) {
    throw invalid(`Its footer of ${footerBytes} bytes is longer than the file.`)
  }
  if (footerBytes > longestFooterBytes) {
    throw invalid(`Its footer has ${footerBytes} bytes; at most ${longestFooterBytes} are read.`)
  }
  // Read before it is parsed, so that a store that fails is not taken for a footer that is wrong.
  const footer = await rangeOf(read, object, sizeBytes - tailBytes - footerBytes, sizeBytes)
  try {
    const metadata = parquetMetadata(footer)
    checkFooter(metadata, sizeBytes)
    return { file, metadata }
  } catch (cause) {
    throw invalid('Its footer cannot be read.', cause)
  }
}

async function rangeOf(
  read: ObjectStore['read'],
  object: StoredObject,
  start: number,
  end: number,
): Promise<Buffer> {
  // Of its own, so that its ArrayBuffer is these bytes and no more.
  const bytes = Buffer.from(new ArrayBuffer(Math.max(0, end - start)))
  let at = 0
  for await (const block of exactBytes(read, object, { start, end })) at += block.copy(bytes, at)
  return bytes
}

const invalid = (detail: string, cause?: unknown) =>
  new ServiceError('batch_input_invalid', { detail, cause })

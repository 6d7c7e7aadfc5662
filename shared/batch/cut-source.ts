import { cutCsv } from './formats/cut-csv.ts'
import { cutLines } from './formats/cut-lines.ts'
import { cutRows } from './formats/cut-rows.ts'
import { openParquet } from './formats/parquet-file.ts'
import type { ObjectStore } from './object-store.ts'
import type { ChunkRange, PlanSource } from './plan.ts'

/** How large chunks are. What comes out does not depend on it, only how soon and at what cost. */
export interface ChunkSizes {
  /** Of text: a chunk costs some milliseconds of its own, and is scored anew where it fails. */
  readonly bytes: (sizeBytes: number) => number
  /** The first and the last ones are smaller, down to this: `cutLines` says how and why. */
  readonly firstBytes?: number
  /** A row group is decoded once for each chunk of it. */
  readonly parquetRows: number
  /** Of a list of objects: some forty of them. */
  readonly listBytes: number
}

export const usualSizes: ChunkSizes = {
  // A sixteenth of a file, so that all workers have some; 1 MB; some thousand chunks.
  bytes: (sizeBytes) => {
    const share = Math.ceil(Math.max(Math.min(1_000_000, sizeBytes / 16), sizeBytes / 2_500))
    return Math.min(4_000_000, Math.max(250_000, share))
  },
  firstBytes: 8_000,
  parquetRows: 32_768,
  listBytes: 8_000,
}

/** @throws ServiceError `batch_input_invalid`, `object_gone` */
export async function cutSource(
  source: PlanSource,
  { read }: ObjectStore,
  { bytes, firstBytes, parquetRows, listBytes }: ChunkSizes = usualSizes,
): Promise<ChunkRange[]> {
  const { object } = source
  switch (source.format) {
    case 'jsonl':
      return cutLines(object.sizeBytes, bytes(object.sizeBytes), firstBytes)
    case 'csv':
      return cutCsv(read, object, { chunkBytes: bytes(object.sizeBytes), firstBytes })
    case 'objects':
      return cutLines(object.sizeBytes, listBytes)
    case 'parquet':
      return cutRows((await openParquet(read, object)).metadata, { rowsPerChunk: parquetRows })
  }
}

import { cutCsv } from './formats/cut-csv.ts'
import { cutLines } from './formats/cut-lines.ts'
import { cutRows } from './formats/cut-rows.ts'
import { openParquet } from './formats/parquet-file.ts'
import type { ObjectStore } from './object-store.ts'
import type { ChunkRange, PlanSource } from './plan.ts'

/** How large chunks are. What comes out does not depend on it, only how soon and at what cost. */
export interface ChunkSizes {
  /** Of text: a first result within a second or two, and no more than some thousand chunks. */
  readonly bytes: (sizeBytes: number) => number
  readonly parquetRows: number
  /** Of a list of objects: some forty of them. */
  readonly listBytes: number
}

export const usualSizes: ChunkSizes = {
  bytes: (sizeBytes) => Math.min(4_000_000, Math.max(250_000, Math.ceil(sizeBytes / 2_500))),
  parquetRows: 5_000,
  listBytes: 8_000,
}

/** @throws ServiceError `batch_input_invalid`, `object_gone` */
export async function cutSource(
  source: PlanSource,
  { read }: ObjectStore,
  { bytes, parquetRows, listBytes }: ChunkSizes = usualSizes,
): Promise<ChunkRange[]> {
  const { object } = source
  switch (source.format) {
    case 'jsonl':
      return cutLines(object.sizeBytes, bytes(object.sizeBytes))
    case 'csv':
      return cutCsv(read, object, { chunkBytes: bytes(object.sizeBytes) })
    case 'objects':
      return cutLines(object.sizeBytes, listBytes)
    case 'parquet':
      return cutRows((await openParquet(read, object)).metadata, { rowsPerChunk: parquetRows })
  }
}

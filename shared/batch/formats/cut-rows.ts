import type { FileMetaData, RowGroup } from 'hyparquet'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { ChunkRange } from '../plan.ts'

export interface CutRowsOptions {
  readonly rowsPerChunk: number
  /** A group is unpacked as a whole, so that no larger one fits into memory. */
  readonly groupBytes?: number | undefined
}

/**
 * Ranges of rows. Small row groups are taken together, a large one is cut into equal pieces, and no
 * range has rows of two groups unless it has all of both: every group is unpacked as rarely as can be.
 * @throws ServiceError `batch_input_invalid` where a row group is too large
 */
export function cutRows(
  metadata: Pick<FileMetaData, 'row_groups'>,
  { rowsPerChunk, groupBytes = 256_000_000 }: CutRowsOptions,
): ChunkRange[] {
  const ranges: ChunkRange[] = []
  let start = 0
  let end = 0
  const close = () => {
    if (end > start) ranges.push({ start, end })
    start = end
  }
  for (const [index, group] of metadata.row_groups.entries()) {
    refuseHuge(group, index, groupBytes)
    const rows = Number(group.num_rows)
    if (end - start + rows > rowsPerChunk) close()
    const pieces = Math.ceil(rows / rowsPerChunk)
    const pieceRows = Math.ceil(rows / Math.max(pieces, 1))
    const groupEnd = end + rows
    for (let piece = 1; piece < pieces; piece++) {
      end += pieceRows
      close()
    }
    end = groupEnd
    if (pieces > 1) close()
  }
  close()
  return ranges
}

/** By its own columns: the group's total may say less. */
function refuseHuge(group: RowGroup, index: number, limit: number): void {
  const columns = group.columns.map(({ meta_data }) => meta_data?.total_uncompressed_size ?? 0n)
  const sizes = [group.total_byte_size, columns.reduce((sum, size) => sum + size, 0n)]
  const sizeBytes = Math.max(...sizes.map(Number))
  if (sizeBytes <= limit) return
  throw new ServiceError('batch_input_invalid', {
    detail: `Row group ${index} has ${sizeBytes} bytes unpacked; at most ${limit} fit.`,
    fix: 'Write the Parquet file anew with smaller row groups.',
  })
}

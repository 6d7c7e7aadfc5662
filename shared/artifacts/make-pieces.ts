import { createHash } from 'node:crypto'
import type { ArtifactRef } from './artifact-store.ts'

/** Small enough that little is left to hash when the last byte is in; 6 KB of digests for 100 MB. */
const defaultPieceBytes = 1024 * 1024

/** The digests of consecutive pieces, for the manifest of a file that is larger than one piece. */
export function makePieces(
  bytes: Uint8Array,
  pieceBytes: number = defaultPieceBytes,
): NonNullable<ArtifactRef['pieces']> {
  const count = Math.ceil(bytes.length / pieceBytes)
  const sha256 = Array.from({ length: count }, (_, index) =>
    createHash('sha256')
      .update(bytes.subarray(index * pieceBytes, (index + 1) * pieceBytes))
      .digest('hex'),
  )
  return { bytes: pieceBytes, sha256 }
}

import { createHash } from 'node:crypto'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { ArtifactRef } from './artifact-store.ts'

/** A stretch of a file that fills from its start: bytes `start` up to `position` are in. */
export interface Range {
  readonly start: number
  position: number
  /** The first byte after it. */
  readonly end: number
}

/**
 * Hashes a file while it arrives in several ranges at once. Each piece of the file is hashed as far
 * as its bytes are in without a gap, and compared as soon as it is whole. A file without pieces is
 * one piece: most of it is hashed only once the first range is full.
 *
 * @param bytes where the file arrives, `ref.bytes` long
 * @param ranges what arrives, in order, covering the file without a gap; their positions are read
 */
export function arrivingDigest(ref: ArtifactRef, bytes: Uint8Array, ranges: readonly Range[]) {
  const { bytes: pieceBytes, sha256: digests } = ref.pieces ?? {
    bytes: ref.bytes,
    sha256: [ref.sha256],
  }
  if (digests.length !== Math.ceil(ref.bytes / pieceBytes)) {
    throw new ServiceError('artifact_digest_mismatch', {
      detail: `The pieces in the manifest do not cover the ${ref.bytes} bytes of ${ref.key}.`,
    })
  }
  const pieces = digests.map((sha256, index) => ({
    sha256,
    hash: createHash('sha256'),
    hashed: index * pieceBytes,
    end: Math.min(ref.bytes, (index + 1) * pieceBytes),
  }))
  let verified = 0

  /** Up to where the file is there without a gap, seen from `from`. */
  function reached(from: number): number {
    let position = from
    for (const range of ranges) {
      if (range.end <= position) continue
      position = Math.max(position, range.position)
      if (range.position < range.end) break
    }
    return position
  }

  return {
    /**
     * To be called when the bytes from `from` up to `to` are in and the range's position has moved.
     * @throws ServiceError `artifact_digest_mismatch` at the first wrong piece
     */
    arrived(from: number, to: number): void {
      const [first, last] = [Math.floor(from / pieceBytes), Math.ceil(to / pieceBytes)]
      for (const piece of pieces.slice(first, last)) {
        const end = Math.min(piece.end, reached(piece.hashed))
        if (end <= piece.hashed) continue
        piece.hash.update(bytes.subarray(piece.hashed, end))
        piece.hashed = end
        if (end < piece.end) continue
        if (piece.hash.digest('hex') !== piece.sha256) {
          throw new ServiceError('artifact_digest_mismatch', {
            detail: `The bytes of ${ref.key} do not match the digest in its manifest.`,
          })
        }
        verified++
      }
    },
    /** Whether every piece was compared: what must hold before the bytes are handed out. */
    isVerified: () => verified === pieces.length,
  }
}

import { promisify } from 'node:util'
import { constants, gzip, zstdCompress } from 'node:zlib'
import type { Compression } from './unpack.ts'

/** Lines of a frame: of JSONL that many records. */
const frameLines = 65_536
/** Long lines make shorter frames, so that memory is O(frame). */
const frameBytes = 16_777_216
/** Fixed: another level would be other bytes. */
const levels = { gzip: 6, zstd: 3 } as const

const newline = 10

export const packedSuffix = { gzip: '.gz', zstd: '.zst' } as const

/** By what and how outputs are packed: the same bytes come from the same version only. */
export const packedBy = (compression: Compression) => ({
  name: compression,
  version: compression === 'gzip' ? process.versions.zlib : process.versions.zstd,
  level: levels[compression],
  frame_lines: frameLines,
})

export interface PackOptions {
  readonly compression: Compression
  readonly linesOfFrame?: number
  readonly bytesOfFrame?: number
}

/** From where another packer goes on: text that is no whole frame yet. */
export interface PackState {
  readonly text: Uint8Array
  readonly lines: number
  readonly frames: number
}

export interface FramePacker {
  /** The frames that are complete. */
  add(text: Uint8Array): Promise<readonly Uint8Array[]>
  end(): Promise<readonly Uint8Array[]>
  state(): PackState
}

/**
 * Text, packed as members of gzip or frames of zstd, one behind the other; every tool unpacks them as
 * one. Frames are cut by the lines alone, and each is packed at once: how the text arrives, and so how
 * a job was cut into chunks, changes no byte. Nothing at all is one empty frame.
 */
export function createFramePacker(
  { compression, linesOfFrame = frameLines, bytesOfFrame = frameBytes }: PackOptions,
  from?: PackState,
): FramePacker {
  let pieces: Uint8Array[] = from ? [from.text] : []
  let lines = from?.lines ?? 0
  let bytes = from?.text.length ?? 0
  let frames = from?.frames ?? 0
  const packed = () => {
    const frame = Buffer.concat(pieces)
    pieces = []
    lines = 0
    bytes = 0
    frames += 1
    return packers[compression](frame)
  }
  return {
    async add(text) {
      // Copied: whose memory it is may use it again.
      const piece = Buffer.from(text)
      const complete: Uint8Array[] = []
      let start = 0
      for (let end = piece.indexOf(newline); end >= 0; end = piece.indexOf(newline, end + 1)) {
        lines += 1
        if (lines < linesOfFrame && bytes + end + 1 - start < bytesOfFrame) continue
        pieces.push(piece.subarray(start, end + 1))
        start = end + 1
        complete.push(await packed())
      }
      pieces.push(piece.subarray(start))
      bytes += piece.length - start
      return complete
    },
    end: async () => (bytes > 0 || frames === 0 ? [await packed()] : []),
    state: () => ({ text: Buffer.concat(pieces), lines, frames }),
  }
}

const packGzip = promisify<Uint8Array, object, Buffer>(gzip)
const packZstd = promisify<Uint8Array, object, Buffer>(zstdCompress)

const packers: Record<Compression, (frame: Uint8Array) => Promise<Buffer>> = {
  gzip: (frame) => packGzip(frame, { level: levels.gzip }),
  zstd: (frame) =>
    packZstd(frame, {
      params: {
        [constants.ZSTD_c_compressionLevel]: levels.zstd,
        [constants.ZSTD_c_checksumFlag]: 1,
      },
    }),
}

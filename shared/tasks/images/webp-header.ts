import { unreadable } from './unreadable.ts'

/**
 * Width and height of a still WebP, without decoding it (RFC 9649). The size stands in the extended
 * header, in the bitstream, or in both, and then both must agree: a decoder allocates by the latter.
 * @throws ServiceError `image_unreadable`
 */
export function webpHeader(bytes: Uint8Array): { width: number; height: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const end = view.getUint32(4, true) + 8
  if (end > bytes.length) throw unreadable('The WebP is truncated.')

  let canvas: { width: number; height: number } | undefined
  for (let at = 12; at + 8 <= end; ) {
    const type = String.fromCharCode(...bytes.subarray(at, at + 4))
    const length = view.getUint32(at + 4, true)
    const data = at + 8
    if (data + length > end) throw unreadable('The WebP is truncated.')
    if (type === 'VP8X') {
      if (length < 10) throw unreadable('The WebP has a wrong header.')
      if ((view.getUint8(data) & 0x02) !== 0) throw unreadable('The WebP is animated.')
      canvas = { width: uint24(view, data + 4) + 1, height: uint24(view, data + 7) + 1 }
    } else if (type === 'VP8 ' || type === 'VP8L') {
      const size = (type === 'VP8 ' ? lossySize : losslessSize)(view, data, length)
      if (size.width === 0 || size.height === 0)
        throw unreadable('The WebP does not tell its size.')
      if (canvas && (canvas.width !== size.width || canvas.height !== size.height)) {
        throw unreadable('The WebP tells two different sizes.')
      }
      return size
    }
    at = data + length + (length % 2) // Chunks begin at even offsets.
  }
  throw unreadable('The WebP holds no image.')
}

/** A key frame of VP8 (RFC 6386, section 9.1): three bytes, a start code, two 14-bit numbers. */
function lossySize(view: DataView, at: number, length: number) {
  if (length < 10 || uint24(view, at + 3) !== 0x2a019d) {
    throw unreadable('The WebP has a wrong frame header.')
  }
  return {
    width: view.getUint16(at + 6, true) & 0x3fff,
    height: view.getUint16(at + 8, true) & 0x3fff,
  }
}

/** A lossless stream: a signature byte, then width - 1 and height - 1 in 14 bits each. */
function losslessSize(view: DataView, at: number, length: number) {
  if (length < 5 || view.getUint8(at) !== 0x2f) {
    throw unreadable('The WebP has a wrong frame header.')
  }
  const bits = view.getUint32(at + 1, true)
  return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 }
}

const uint24 = (view: DataView, at: number): number =>
  view.getUint16(at, true) | (view.getUint8(at + 2) << 16)

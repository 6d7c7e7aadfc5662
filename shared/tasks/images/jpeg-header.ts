import { unreadable } from './unreadable.ts'

/** Decoding takes time in proportion to pixels times scans; real progressive files have about ten. */
const maximumScans = 50

const marker = { startOfImage: 0xd8, endOfImage: 0xd9, startOfScan: 0xda }

/**
 * Width and height of a JPEG, without decoding it (ITU-T T.81, annex B). Walks all segments and
 * scans to the end-of-image marker: libjpeg would fill what is missing with grey and say nothing.
 * @throws ServiceError `image_unreadable`
 */
export function jpegHeader(bytes: Uint8Array): { width: number; height: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let size: { width: number; height: number } | undefined
  let scans = 0
  let at = 2
  while (at < bytes.length) {
    if (bytes[at] !== 0xff) throw unreadable('The JPEG has bytes where a marker should be.')
    const code = bytes[at + 1]
    at += 1
    if (code === 0xff) continue // Fill bytes may precede a marker.
    at += 1
    if (code === marker.endOfImage && size && scans > 0) return size
    if (code === marker.endOfImage) throw unreadable('The JPEG holds no image.')
    if (isStandalone(code)) continue
    if (at + 2 > bytes.length) break
    const length = view.getUint16(at)
    if (length < 2) throw unreadable('The JPEG has a segment of impossible length.')
    if (at + length > bytes.length) break
    if (isFrame(code)) {
      if (size || length < 8) throw unreadable('The JPEG has a wrong frame header.')
      size = { height: view.getUint16(at + 3), width: view.getUint16(at + 5) }
      if (size.width === 0 || size.height === 0)
        throw unreadable('The JPEG does not tell its size.')
    }
    at += length
    if (code === marker.startOfScan) {
      scans += 1
      if (!size) throw unreadable('The JPEG has a scan before its frame header.')
      if (scans > maximumScans) throw unreadable(`The JPEG has more than ${maximumScans} scans.`)
      at = endOfScan(bytes, at)
    }
  }
  throw unreadable('The JPEG is truncated: it has no end-of-image marker.')
}

/** Where the entropy-coded data end: at a marker that is neither a stuffed zero nor a restart. */
function endOfScan(bytes: Uint8Array, start: number): number {
  let at = bytes.indexOf(0xff, start)
  while (at >= 0 && (bytes[at + 1] === 0 || isRestart(bytes[at + 1]))) {
    at = bytes.indexOf(0xff, at + 2)
  }
  return at < 0 ? bytes.length : at
}

const isRestart = (code = 0) => code >= 0xd0 && code <= 0xd7

/** Markers without a length: TEM, restarts, start of image. */
const isStandalone = (code = 0) => code <= 0x01 || isRestart(code) || code === marker.startOfImage

/** SOF0 to SOF15; between them lie DHT (C4), JPG (C8) and DAC (CC), which are no frames. */
const isFrame = (code = 0) => code >= 0xc0 && code <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(code)

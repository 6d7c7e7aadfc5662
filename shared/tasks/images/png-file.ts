import { crc32 } from 'node:zlib'
import { unreadable } from './unreadable.ts'

/** A PNG taken apart: views into the file, nothing inflated yet. */
export interface PngFile {
  readonly width: number
  readonly height: number
  /** Bits of one sample: 1, 2, 4, 8 or 16. */
  readonly depth: number
  readonly colour: PngColour
  readonly interlaced: boolean
  /** Red, green, blue of each palette entry. */
  readonly palette: Uint8Array
  /** Alpha by palette index, or the one grey or colour that is transparent, 16 bits a sample. */
  readonly transparency: Uint8Array
  /** The pieces of one zlib stream. */
  readonly pieces: readonly Uint8Array[]
}

type PngColour = keyof typeof depths

/** Depths that each colour type allows: grey, colour, palette, grey + alpha, colour + alpha. */
const depths = { 0: [1, 2, 4, 8, 16], 2: [8, 16], 3: [1, 2, 4, 8], 4: [8, 16], 6: [8, 16] }

/**
 * Walks the chunks of a PNG to its end chunk and checks their sums (ISO/IEC 15948).
 * @throws ServiceError `image_unreadable`
 */
export function pngFile(bytes: Uint8Array): PngFile {
  const none: Uint8Array = new Uint8Array()
  const pieces: Uint8Array[] = []
  const found = { IHDR: none, PLTE: none, tRNS: none }
  let ended = false
  for (const { type, data } of chunks(bytes)) {
    if ((found.IHDR.length === 0) !== (type === 'IHDR')) {
      throw unreadable('The PNG does not begin with one header.')
    }
    if (type === 'IDAT') pieces.push(data)
    else if (type === 'IEND') ended = true
    else if (type === 'IHDR' || type === 'PLTE' || type === 'tRNS') found[type] = data
    if (ended) break
  }
  if (!ended) throw unreadable('The PNG is truncated: it has no end chunk.')
  if (pieces.length === 0) throw unreadable('The PNG holds no image.')
  return {
    ...readHeader(found.IHDR),
    palette: found.PLTE,
    transparency: found.tRNS,
    pieces,
  }
}

function* chunks(bytes: Uint8Array): Generator<{ type: string; data: Uint8Array }> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at)
    const end = at + 8 + length
    if (end + 4 > bytes.length) return
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8))
    if (crc32(bytes.subarray(at + 4, end)) !== view.getUint32(end)) {
      throw unreadable('The PNG is damaged: the check sum of a chunk is wrong.')
    }
    yield { type, data: bytes.subarray(at + 8, end) }
    at = end + 4
  }
}

function readHeader(data: Uint8Array) {
  if (data.length !== 13) throw unreadable('The PNG has a wrong header.')
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  const width = view.getUint32(0)
  const height = view.getUint32(4)
  const [depth = 0, colour = 0, compression, filter, interlace = 0] = data.subarray(8)
  const known = isColour(colour) && depths[colour].includes(depth)
  if (width === 0 || height === 0 || !known || compression || filter || interlace > 1) {
    throw unreadable('The PNG has a wrong header.')
  }
  return { width, height, depth, colour, interlaced: interlace === 1 }
}

const isColour = (value: number): value is PngColour => Object.hasOwn(depths, value)

import { inflateSync } from 'node:zlib'
import type { Picture } from './picture.ts'
import { type PngFile, pngFile } from './png-file.ts'
import { undoPngFilter } from './undo-png-filter.ts'
import { unreadable } from './unreadable.ts'

/** Samples of a pixel by colour type: grey, colour, palette, grey + alpha, colour + alpha. */
const samplesOf = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 }

/** The seven passes of Adam7: first column, first row, column step, row step. */
const adam7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const
const progressive = [[0, 0, 1, 1]] as const

/**
 * Decodes every PNG of the standard (ISO/IEC 15948): all colour types and depths, interlaced or
 * not. Inflating stops at the size that the header announces.
 * @throws ServiceError `image_unreadable`
 */
export function decodePng(bytes: Uint8Array): Picture {
  const png = pngFile(bytes)
  const passes = passesOf(png)
  const raw = inflate(
    png,
    passes.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  )
  const data = new Uint8Array(png.width * png.height * 4)
  const bytesPerPixel = Math.max(1, (samplesOf[png.colour] * png.depth) >> 3)
  const write = pixelWriter(png, data)
  let at = 0
  for (const { columns, rows, rowBytes, x, y, stepX, stepY } of passes) {
    let above: Uint8Array = new Uint8Array(rowBytes)
    for (let row = 0; row < rows; row += 1) {
      const line = raw.subarray(at + 1, at + 1 + rowBytes)
      undoPngFilter(raw[at] ?? 0, line, above, bytesPerPixel)
      write(line, columns, ((y + row * stepY) * png.width + x) * 4, stepX * 4)
      above = line
      at += 1 + rowBytes
    }
  }
  return { width: png.width, height: png.height, data }
}

function passesOf({ width, height, depth, colour, interlaced }: PngFile) {
  return (interlaced ? adam7 : progressive)
    .map(([x, y, stepX, stepY]) => {
      const columns = Math.ceil((width - x) / stepX)
      const rows = Math.ceil((height - y) / stepY)
      const rowBytes = Math.ceil((columns * samplesOf[colour] * depth) / 8)
      return { x, y, stepX, stepY, columns, rows, rowBytes, sizeBytes: rows * (rowBytes + 1) }
    })
    .filter(({ columns, rows }) => columns > 0 && rows > 0)
}

function inflate({ pieces }: PngFile, sizeBytes: number): Uint8Array {
  try {
    const raw = inflateSync(Buffer.concat(pieces), { maxOutputLength: sizeBytes })
    if (raw.length === sizeBytes) return raw
  } catch (cause) {
    throw unreadable('The PNG is damaged: its pixels cannot be inflated.', cause)
  }
  throw unreadable('The PNG holds fewer pixels than its header says.')
}

/** Writes the pixels of one row as red, green, blue, alpha, `step` bytes apart, from `target` on. */
function pixelWriter({ depth, colour, palette, transparency }: PngFile, data: Uint8Array) {
  const samples = samplesOf[colour]
  const coloured = colour === 2 || colour === 6
  const withAlpha = colour === 4 || colour === 6
  const mask = 2 ** depth - 1
  const sampleAt = (line: Uint8Array, index: number): number => {
    if (depth === 8) return line[index] ?? 0
    if (depth === 16) return ((line[index * 2] ?? 0) << 8) | (line[index * 2 + 1] ?? 0)
    const bit = index * depth
    return ((line[bit >> 3] ?? 0) >> (8 - depth - (bit & 7))) & mask
  }
  const to8Bits =
    depth === 16 ? (value: number) => value >> 8 : (value: number) => (value * 255) / mask
  const keyed = !withAlpha && transparency.length >= samples * 2
  const key = Array.from({ length: samples }, (_, sample) =>
    keyed ? ((transparency[sample * 2] ?? 0) << 8) | (transparency[sample * 2 + 1] ?? 0) : -1,
  )

  // What most files hold needs no arithmetic.
  if (depth === 8 && coloured && !keyed) {
    return (line: Uint8Array, columns: number, target: number, step: number): void => {
      for (let from = 0, at = target; from < columns * samples; from += samples, at += step) {
        data[at] = line[from] ?? 0
        data[at + 1] = line[from + 1] ?? 0
        data[at + 2] = line[from + 2] ?? 0
        data[at + 3] = withAlpha ? (line[from + 3] ?? 0) : 255
      }
    }
  }
  if (depth === 8 && colour === 0 && !keyed) {
    return (line: Uint8Array, columns: number, target: number, step: number): void => {
      for (let column = 0, at = target; column < columns; column += 1, at += step) {
        const grey = line[column] as number
        data[at] = grey
        data[at + 1] = grey
        data[at + 2] = grey
        data[at + 3] = 255
      }
    }
  }
  return (line: Uint8Array, columns: number, target: number, step: number): void => {
    for (let column = 0, at = target; column < columns; column += 1, at += step) {
      const first = column * samples
      const one = sampleAt(line, first)
      if (colour === 3) {
        if (one * 3 >= palette.length) throw unreadable('The PNG uses a colour its palette lacks.')
        data[at] = palette[one * 3] ?? 0
        data[at + 1] = palette[one * 3 + 1] ?? 0
        data[at + 2] = palette[one * 3 + 2] ?? 0
        data[at + 3] = transparency[one] ?? 255
        continue
      }
      const two = coloured ? sampleAt(line, first + 1) : one
      const three = coloured ? sampleAt(line, first + 2) : one
      data[at] = to8Bits(one)
      data[at + 1] = to8Bits(two)
      data[at + 2] = to8Bits(three)
      if (withAlpha) data[at + 3] = to8Bits(sampleAt(line, first + samples - 1))
      else
        data[at + 3] =
          one === key[0] && (!coloured || (two === key[1] && three === key[2])) ? 0 : 255
    }
  }
}

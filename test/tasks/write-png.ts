import { crc32, deflateSync } from 'node:zlib'

export interface PngSource {
  width: number
  height: number
  depth: number
  colour: 0 | 2 | 3 | 4 | 6
  /** Raw samples, row by row; missing ones are 0. */
  samples?: readonly number[]
  interlaced?: boolean
  /** Filter of each row. */
  filter?: 0 | 1 | 2 | 3 | 4
  palette?: readonly number[]
  transparency?: readonly number[]
}

const samplesPerPixel = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 }
const adam7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const

/** Writes any PNG of the standard, the slow and plain way. */
export function writePng(source: PngSource): Buffer {
  const { width, height, depth, colour, palette, transparency, interlaced = false } = source
  const passes = interlaced ? adam7 : ([[0, 0, 1, 1]] as const)
  const rows: Buffer[] = []
  for (const [x0, y0, stepX, stepY] of passes) {
    let above = Buffer.alloc(0)
    for (let y = y0; y < height; y += stepY) {
      const row: number[] = []
      for (let x = x0; x < width; x += stepX) {
        const first = (y * width + x) * samplesPerPixel[colour]
        for (let sample = 0; sample < samplesPerPixel[colour]; sample += 1) {
          row.push(source.samples?.[first + sample] ?? 0)
        }
      }
      if (row.length === 0) continue
      const line = pack(row, depth)
      rows.push(filtered(line, above, source.filter ?? 0, (samplesPerPixel[colour] * depth) >> 3))
      above = line
    }
  }
  return pngOf({ width, height, depth, colour, interlaced }, [
    ...(palette ? [chunk('PLTE', Buffer.from(palette))] : []),
    ...(transparency ? [chunk('tRNS', Buffer.from(transparency))] : []),
    chunk('IDAT', deflateSync(Buffer.concat(rows))),
  ])
}

/** A PNG of these chunks between its header and its end. */
export function pngOf(
  header: Pick<PngSource, 'width' | 'height' | 'depth' | 'colour' | 'interlaced'>,
  chunks: readonly Buffer[],
): Buffer {
  const data = Buffer.alloc(13)
  data.writeUInt32BE(header.width, 0)
  data.writeUInt32BE(header.height, 4)
  data.set([header.depth, header.colour, 0, 0, header.interlaced ? 1 : 0], 8)
  const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')
  return Buffer.concat([signature, chunk('IHDR', data), ...chunks, chunk('IEND', Buffer.alloc(0))])
}

export function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const ends = Buffer.alloc(8)
  ends.writeUInt32BE(data.length, 0)
  ends.writeUInt32BE(crc32(body), 4)
  return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)])
}

function pack(samples: readonly number[], depth: number): Buffer<ArrayBuffer> {
  const bits = samples.map((sample) => sample.toString(2).padStart(depth, '0')).join('')
  const bytes = bits.match(/.{1,8}/g) ?? []
  return Buffer.from(bytes.map((byte) => Number.parseInt(byte.padEnd(8, '0'), 2)))
}

function filtered(line: Buffer, above: Buffer, filter: number, bytesPerPixel: number): Buffer {
  const step = Math.max(1, bytesPerPixel)
  const result = [...line].map((value, at) => {
    const left = line[at - step] ?? 0
    const up = above[at] ?? 0
    const corner = above[at - step] ?? 0
    const guess = left + up - corner
    const nearest = [left, up, corner].reduce((best, next) =>
      Math.abs(guess - next) < Math.abs(guess - best) ? next : best,
    )
    return value - ([0, left, up, (left + up) >> 1, nearest][filter] ?? 0)
  })
  return Buffer.from([filter, ...result.map((value) => value & 0xff)])
}

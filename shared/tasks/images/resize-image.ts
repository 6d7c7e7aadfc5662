import type { Picture } from './picture.ts'

/**
 * Scales a picture to `width` x `height`: red, green, blue from 0 to 255, interleaved. Every
 * source pixel counts (a triangle filter as wide as the step between target pixels: averaging when
 * it shrinks, bilinear when it grows), so the result is that of Pillow's `Image.BILINEAR` but for
 * rounding, and what a recipe trained on is what the service feeds. Alpha is not looked at.
 */
export function resizeImage(picture: Picture, width: number, height: number): Float32Array {
  if (picture.width === width && picture.height === height) return coloursOf(picture)
  const across = taps(picture.width, width)
  const down = taps(picture.height, height)
  const rowLength = width * 3
  const row = new Float32Array(rowLength)
  const result = new Float32Array(rowLength * height)
  // Each source row is narrowed once and added to the target rows that it touches.
  let first = 0
  for (let y = 0; y < picture.height; y += 1) {
    while (first < height && (down.ends[first] ?? 0) <= y) first += 1
    narrow(picture, y, across, row)
    for (let target = first; target < height && (down.starts[target] ?? 0) <= y; target += 1) {
      const weight = down.weights[target * down.width + y - (down.starts[target] ?? 0)] ?? 0
      const offset = target * rowLength
      for (let at = 0; at < rowLength; at += 1) {
        result[offset + at] = (result[offset + at] ?? 0) + (row[at] ?? 0) * weight
      }
    }
  }
  return result
}

/** Of a picture that has the size already: what the filter would give, each pixel once. */
function coloursOf({ data }: Picture): Float32Array {
  const colours = new Float32Array((data.length / 4) * 3)
  for (let from = 0, at = 0; from < data.length; from += 4, at += 3) {
    colours[at] = data[from] as number
    colours[at + 1] = data[from + 1] as number
    colours[at + 2] = data[from + 2] as number
  }
  return colours
}

/** Row `y` of the picture, scaled to the target's width. */
function narrow({ width, data }: Picture, y: number, taps: Taps, row: Float32Array): void {
  const { starts, ends, weights } = taps
  for (let x = 0; x < starts.length; x += 1) {
    const start = starts[x] ?? 0
    const end = ends[x] ?? 0
    let red = 0
    let green = 0
    let blue = 0
    let at = (y * width + start) * 4
    let tap = x * taps.width
    for (let source = start; source < end; source += 1, at += 4, tap += 1) {
      const weight = weights[tap] ?? 0
      red += (data[at] ?? 0) * weight
      green += (data[at + 1] ?? 0) * weight
      blue += (data[at + 2] ?? 0) * weight
    }
    row[x * 3] = red
    row[x * 3 + 1] = green
    row[x * 3 + 2] = blue
  }
}

interface Taps {
  /** The most source pixels that one target pixel reads: the row length of `weights`. */
  readonly width: number
  /** The source pixels of a target pixel: from `starts` up to and without `ends`. */
  readonly starts: Int32Array
  readonly ends: Int32Array
  /** Their weights, which sum to one. */
  readonly weights: Float32Array
}

/** Which source pixels each target pixel reads along one axis, and how much of each. */
function taps(sourceSize: number, targetSize: number): Taps {
  const step = sourceSize / targetSize
  const reach = Math.max(step, 1)
  const width = Math.min(sourceSize, Math.ceil(reach) * 2 + 1)
  const starts = new Int32Array(targetSize)
  const ends = new Int32Array(targetSize)
  const weights = new Float32Array(targetSize * width)
  for (let target = 0; target < targetSize; target += 1) {
    const centre = (target + 0.5) * step
    const start = Math.max(0, Math.trunc(centre - reach + 0.5))
    const end = Math.min(sourceSize, start + width, Math.trunc(centre + reach + 0.5))
    starts[target] = start
    ends[target] = end
    let sum = 0
    for (let source = start; source < end; source += 1) {
      sum += Math.max(0, 1 - Math.abs(source + 0.5 - centre) / reach)
    }
    for (let source = start; source < end; source += 1) {
      const weight = Math.max(0, 1 - Math.abs(source + 0.5 - centre) / reach)
      weights[target * width + source - start] = weight / sum
    }
  }
  return { width, starts, ends, weights }
}

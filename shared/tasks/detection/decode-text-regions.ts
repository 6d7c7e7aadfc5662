import { ServiceError } from '#shared/errors/service-error.ts'
import type { Candidate, DecodeDetections } from './candidate.ts'

/** A pixel at least so likely belongs to a text. */
const likely = 0.3
/** Smaller regions are specks. */
const leastPixels = 30
/** The network learns to see texts shrunk; so much they are grown again, by area over half the perimeter. */
const growth = 1.6

/**
 * Differentiable binarization (arxiv.org/abs/1911.08947): the first output, FP32 [rows, 1, height,
 * width], says of each pixel how likely it lies within a line of text. What hangs together, edge to
 * edge, is one line; its score is the mean of its pixels.
 */
export const decodeTextRegions: DecodeDetections = (outputs, row, threshold) => {
  const [map] = Object.values(outputs)
  const [, , height = 0, width = 0] = map?.shape ?? []
  if (!(map?.data instanceof Float32Array) || map.shape.length !== 4) {
    throw new ServiceError('configuration_invalid', {
      detail: 'A model of text regions must give a float32 tensor [rows, 1, height, width] first.',
    })
  }
  const pixels = map.data.subarray(row * height * width, (row + 1) * height * width)
  return regionsOf(pixels, width).flatMap((region) => {
    const score = region.sum / region.pixels
    if (region.pixels < leastPixels || !(score >= threshold)) return []
    return [{ score, ...grown(region, width, height) }]
  })
}

/** Pixels that hang together. Edges are pixels, the last ones included. */
interface Region {
  left: number
  top: number
  right: number
  bottom: number
  pixels: number
  sum: number
}

/** The regions of likely pixels, in reading order of their first pixels. */
function regionsOf(map: Float32Array, width: number): Region[] {
  const seen = new Uint8Array(map.length)
  const regions: Region[] = []
  const open: number[] = []
  const visit = (at: number): void => {
    if (seen[at] === 1 || !((map[at] ?? 0) >= likely)) return
    seen[at] = 1
    open.push(at)
  }
  for (let start = 0; start < map.length; start += 1) {
    visit(start)
    if (open.length === 0) continue
    const region: Region = { left: width, top: map.length, right: 0, bottom: 0, pixels: 0, sum: 0 }
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      const x = at % width
      const y = (at - x) / width
      region.left = Math.min(region.left, x)
      region.right = Math.max(region.right, x)
      region.top = Math.min(region.top, y)
      region.bottom = Math.max(region.bottom, y)
      region.pixels += 1
      region.sum += map[at] ?? 0
      if (x > 0) visit(at - 1)
      if (x < width - 1) visit(at + 1)
      if (y > 0) visit(at - width)
      if (at + width < map.length) visit(at + width)
    }
    regions.push(region)
  }
  return regions
}

/** The region with what shrinking took from it, as fractions of the map. */
function grown(
  { left, top, right, bottom }: Region,
  width: number,
  height: number,
): Omit<Candidate, 'score'> {
  const across = right - left + 1
  const down = bottom - top + 1
  const by = Math.round((across * down * growth) / (2 * (across + down)))
  return {
    xmin: Math.max(0, left - by) / width,
    ymin: Math.max(0, top - by) / height,
    xmax: Math.min(width, right + 1 + by) / width,
    ymax: Math.min(height, bottom + 1 + by) / height,
  }
}

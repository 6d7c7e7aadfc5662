import { ServiceError } from '#shared/errors/service-error.ts'
import { blazefaceAnchors } from './blazeface-anchors.ts'
import type { DecodeDetections } from './candidate.ts'

/** Side of the input in pixels, the unit of the boxes. */
const side = 128
/** Numbers a box: centre x and y, width, height, then six key points, which are not read. */
const boxLength = 16

/**
 * BlazeFace front: `scores` FP32 [rows, 896] from 0 to 1 and `boxes` FP32 [rows, 896, 16] in pixels
 * of the input, centres measured from the anchors.
 */
export const decodeBlazeface: DecodeDetections = ({ scores, boxes }, row, threshold) => {
  if (!(scores?.data instanceof Float32Array) || !(boxes?.data instanceof Float32Array)) {
    throw new ServiceError('configuration_invalid', {
      detail: 'A BlazeFace model must give the float32 tensors "scores" and "boxes".',
    })
  }
  const { data } = boxes
  const first = row * blazefaceAnchors.length
  const ofRow = scores.data.subarray(first, first + blazefaceAnchors.length)
  return blazefaceAnchors.flatMap((anchor, index) => {
    const score = ofRow[index] ?? 0
    if (!(score >= threshold)) return []
    const [dx = 0, dy = 0, width = 0, height = 0] = data.subarray((first + index) * boxLength)
    const x = anchor.x + dx / side
    const y = anchor.y + dy / side
    const halfWidth = width / side / 2
    const halfHeight = height / side / 2
    const edges = {
      xmin: x - halfWidth,
      ymin: y - halfHeight,
      xmax: x + halfWidth,
      ymax: y + halfHeight,
    }
    return Object.values(edges).every(Number.isFinite) ? [{ score, ...edges }] : []
  })
}

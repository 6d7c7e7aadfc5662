import { ServiceError } from '#shared/errors/service-error.ts'
import type { Candidate, DecodeDetections } from './detection/candidate.ts'
import { decodeBlazeface } from './detection/decode-blazeface.ts'
import { decodeTextRegions } from './detection/decode-text-regions.ts'
import { mergeOverlaps } from './detection/merge-overlaps.ts'
import { checkImages } from './images/check-images.ts'
import { imagePixels } from './images/image-pixels.ts'
import { imageMedia, imageRows, imageSchema } from './images/image-row.ts'
import { imageFields, imageTensor, type Placement } from './images/image-tensor.ts'
import { readFields } from './read-fields.ts'
import { readOptions } from './read-options.ts'
import { shortestFloat } from './shortest-float.ts'
import type { Task } from './task.ts'

const decoders = {
  blazeface: decodeBlazeface,
  'text-regions': decodeTextRegions,
} as const satisfies Readonly<Record<string, DecodeDetections>>

const optionFields = {
  ...imageFields,
  decoder: {
    type: 'string',
    enum: ['blazeface', 'text-regions'],
    default: 'blazeface',
    description: 'How boxes are read from the tensors.',
  },
  threshold: { type: 'number', minimum: 0, maximum: 1, default: 0.5 },
  overlap: {
    type: 'number',
    minimum: 0,
    maximum: 1,
    default: 0.3,
    description: 'Boxes that overlap more (intersection over union) are one thing.',
  },
} as const

/** What is where in an image: `[{label, score, box}]` an image, best first, boxes in its pixels. */
export const objectDetection: Task = {
  name: 'object-detection',
  media: imageMedia,
  rows: imageRows,
  pixels: imagePixels,
  check(rows, parameters, model) {
    readParameters(parameters, readOptions(model, optionFields).threshold)
    checkImages(rows, model)
  },
  async prepare(rows, parameters, model) {
    const { decoder, overlap, ...options } = readOptions(model, optionFields)
    const { threshold } = readParameters(parameters, options.threshold)
    const { tensor, placements } = await imageTensor(rows, model, options)
    const [label = ''] = model.labels
    return {
      tensors: { [model.inputs[0]?.name ?? '']: tensor },
      interpret: (outputs) =>
        placements.map((placement, row) =>
          mergeOverlaps(decoders[decoder](outputs, row, threshold), overlap).map((found) => ({
            label,
            score: shortestFloat(found.score),
            box: boxInImage(found, placement, tensor.shape, options.layout),
          })),
        ),
    }
  },
  describe: (model) => ({
    input: imageSchema,
    output: {
      type: 'array',
      description: 'Best first.',
      items: {
        type: 'object',
        required: ['label', 'score', 'box'],
        properties: {
          label: { type: 'string', enum: model.labels },
          score: { type: 'number', minimum: 0, maximum: 1 },
          box: {
            type: 'object',
            description: 'Edges in pixels of the upright image.',
            required: edges,
            properties: Object.fromEntries(edges.map((edge) => [edge, { type: 'integer' }])),
          },
        },
      },
    },
    parameters: parameterFields(readOptions(model, optionFields).threshold),
  }),
}

const readParameters = (parameters: Readonly<Record<string, unknown>>, threshold: number) =>
  readFields(
    parameters,
    parameterFields(threshold),
    (sentence) => new ServiceError('parameter_invalid', { detail: `Parameter ${sentence}` }),
  )

const edges = ['xmin', 'ymin', 'xmax', 'ymax']

const parameterFields = (threshold: number) =>
  ({
    threshold: {
      type: 'number',
      minimum: 0,
      maximum: 1,
      default: threshold,
      description: 'The least score that is answered.',
    },
  }) as const

/** From fractions of the input to whole pixels of the image, cut at its edges. */
function boxInImage(
  found: Candidate,
  placement: Placement,
  shape: readonly number[],
  layout: 'NHWC' | 'NCHW',
) {
  const [height = 0, width = 0] = layout === 'NHWC' ? shape.slice(1) : shape.slice(2)
  const x = (fraction: number) =>
    clamp((fraction * width - placement.offsetX) / placement.scaleX, placement.width)
  const y = (fraction: number) =>
    clamp((fraction * height - placement.offsetY) / placement.scaleY, placement.height)
  return { xmin: x(found.xmin), ymin: y(found.ymin), xmax: x(found.xmax), ymax: y(found.ymax) }
}

const clamp = (value: number, size: number): number =>
  Math.round(Math.min(Math.max(value, 0), size))

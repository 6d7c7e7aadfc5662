import { ServiceError } from '#shared/errors/service-error.ts'
import type { Tensor } from '#shared/runtime/tensor.ts'
import type { readOptions } from '../read-options.ts'
import type { TaskModel } from '../task.ts'
import { decodeImage } from './decode-image.ts'
import { imageBytes } from './image-row.ts'
import type { Picture } from './picture.ts'
import { resizeImage } from './resize-image.ts'

/** Options of every task that reads images; the size and the channels stand in the tensor's shape. */
export const imageFields = {
  layout: {
    type: 'string',
    enum: ['NHWC', 'NCHW'],
    default: 'NHWC',
    description: 'Order of the dimensions of the input tensor.',
  },
  scale: {
    type: 'number',
    default: 1 / 255,
    description: 'What a sample from 0 to 255 is multiplied by.',
  },
  mean: {
    type: 'array',
    items: { type: 'number' },
    default: [0],
    description: 'Then subtracted: one number, or one a channel.',
  },
  deviation: {
    type: 'array',
    items: { type: 'number' },
    default: [1],
    description: 'Then divided by: one number, or one a channel.',
  },
  fit: {
    type: 'string',
    enum: ['stretch', 'contain', 'line'],
    default: 'stretch',
    description:
      'Fill the input; or keep the proportions and pad with black; or, of a line of text, fill the height from the left, squeeze what is too long and pad with the mean.',
  },
  order: {
    type: 'string',
    enum: ['RGB', 'BGR'],
    default: 'RGB',
    description: 'Order of the channels of the input tensor.',
  },
} as const

export type ImageOptions = ReturnType<typeof readOptions<typeof imageFields>>

/** Where an image lies in the input: target = source * scale + offset. Sizes in pixels. */
export interface Placement {
  readonly width: number
  readonly height: number
  readonly scaleX: number
  readonly scaleY: number
  readonly offsetX: number
  readonly offsetY: number
}

/**
 * The images of these rows as one tensor, and where in it each lies. One image after the other is
 * decoded and let go, so that memory holds one picture at a time.
 * @throws ServiceError `input_invalid`, `image_…`
 */
export async function imageTensor(
  rows: readonly unknown[],
  model: TaskModel,
  options: ImageOptions,
): Promise<{ tensor: Tensor; placements: Placement[] }> {
  const frame = frameOf(model, options)
  const size = frame.channels * frame.height * frame.width
  const data = new Float32Array(rows.length * size)
  const placements: Placement[] = []
  for (const [index, row] of rows.entries()) {
    const picture = await decodeImage(imageBytes(row, index), model.limits)
    const target = data.subarray(index * size, (index + 1) * size)
    placements.push(place(picture, frame, options, target))
  }
  const { channels, height, width } = frame
  const sizes = options.layout === 'NHWC' ? [height, width, channels] : [channels, height, width]
  return { tensor: { datatype: 'FP32', shape: [rows.length, ...sizes], data }, placements }
}

interface Frame {
  readonly width: number
  readonly height: number
  readonly channels: 1 | 3
}

function frameOf({ name, inputs }: TaskModel, { layout }: ImageOptions): Frame {
  const [, ...sizes] = inputs[0]?.shape ?? []
  if (layout === 'NCHW') sizes.push(sizes.shift() ?? 0)
  const [height = 0, width = 0, channels] = sizes
  if (
    inputs[0]?.datatype === 'FP32' &&
    height > 0 &&
    width > 0 &&
    (channels === 1 || channels === 3)
  ) {
    return { width, height, channels }
  }
  throw new ServiceError('configuration_invalid', {
    detail: `Model ${name}: its first input is not an FP32 ${layout} image of 1 or 3 channels.`,
  })
}

type Size = Pick<Frame, 'width' | 'height'>

/** How large a picture becomes in the frame. */
const fitted: Readonly<Record<ImageOptions['fit'], (picture: Size, frame: Size) => Size>> = {
  stretch: (_, frame) => frame,
  contain(picture, frame) {
    const ratio = Math.min(frame.width / picture.width, frame.height / picture.height)
    const scaled = (size: number) => Math.max(1, Math.round(size * ratio))
    return { width: scaled(picture.width), height: scaled(picture.height) }
  },
  line(picture, { width, height }) {
    const wanted = Math.round((picture.width * height) / picture.height)
    return { width: Math.min(Math.max(1, wanted), width), height }
  },
}

/** Scales one picture into its part of the tensor. */
function place(
  picture: Picture,
  frame: Frame,
  options: ImageOptions,
  target: Float32Array,
): Placement {
  const { width, height } = fitted[options.fit](picture, frame)
  const isLine = options.fit === 'line'
  const offsetX = isLine ? 0 : (frame.width - width) >> 1
  const offsetY = (frame.height - height) >> 1

  const pixels = resizeImage(picture, width, height)
  const planes = options.layout === 'NCHW'
  const channelStep = planes ? frame.width * frame.height : 1
  const pixelStep = planes ? 1 : frame.channels
  for (let channel = 0; channel < frame.channels; channel += 1) {
    const mean = options.mean[channel] ?? options.mean[0] ?? 0
    const deviation = options.deviation[channel] ?? options.deviation[0] ?? 1
    const factor = options.scale / deviation
    const shift = mean / deviation
    const base = channel * channelStep
    const source = options.order === 'BGR' ? 2 - channel : channel
    const padding = isLine ? 0 : -shift
    for (let at = 0; at < frame.width * frame.height; at += 1)
      target[base + at * pixelStep] = padding
    for (let y = 0; y < height; y += 1) {
      let from = y * width * 3
      let to = base + ((y + offsetY) * frame.width + offsetX) * pixelStep
      for (let x = 0; x < width; x += 1, from += 3, to += pixelStep) {
        const value = frame.channels === 3 ? (pixels[from + source] ?? 0) : grey(pixels, from)
        target[to] = value * factor - shift
      }
    }
  }
  return {
    width: picture.width,
    height: picture.height,
    scaleX: width / picture.width,
    scaleY: height / picture.height,
    offsetX,
    offsetY,
  }
}

/** Luma of ITU-R BT.601, as Pillow's mode `L`. */
const grey = (pixels: Float32Array, at: number): number =>
  0.299 * (pixels[at] ?? 0) + 0.587 * (pixels[at + 1] ?? 0) + 0.114 * (pixels[at + 2] ?? 0)

import { ServiceError } from '#shared/errors/service-error.ts'
import { type ImageHeader, imageHeader } from './image-header.ts'

export interface LimitedHeaderOptions {
  /** Width times height of the largest image that is decoded. */
  readonly pixels: number
}

/**
 * The header of an image that may be decoded: before a decoder allocates anything.
 * @throws ServiceError `image_type_unsupported`, `image_too_large`, `image_unreadable`
 */
export function limitedHeader(bytes: Uint8Array, { pixels }: LimitedHeaderOptions): ImageHeader {
  const header = imageHeader(bytes)
  const { width, height } = header
  if (width * height <= pixels) return header
  throw new ServiceError('image_too_large', {
    detail: `The image has ${width} x ${height} pixels; at most ${pixels} are taken.`,
  })
}

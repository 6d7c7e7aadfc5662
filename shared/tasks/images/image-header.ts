import { ServiceError } from '#shared/errors/service-error.ts'
import { jpegHeader } from './jpeg-header.ts'
import { pngFile } from './png-file.ts'
import { webpHeader } from './webp-header.ts'

type ImageType = 'jpeg' | 'png' | 'webp'

export interface ImageHeader {
  readonly type: ImageType
  readonly width: number
  readonly height: number
}

const readers = { jpeg: jpegHeader, png: pngFile, webp: webpHeader }

/**
 * Type and size of an image file, told by its bytes alone, before anything is allocated; also
 * proves that the file is complete. Width and height are as stored: a JPEG may be turned by its
 * EXIF orientation.
 * @throws ServiceError `image_type_unsupported`, `image_unreadable`
 */
export function imageHeader(bytes: Uint8Array): ImageHeader {
  const type = imageType(bytes)
  if (!type) throw new ServiceError('image_type_unsupported')
  const { width, height } = readers[type](bytes)
  return { type, width, height }
}

/** The type by magic bytes. */
function imageType(bytes: Uint8Array): ImageType | undefined {
  const start = String.fromCharCode(...bytes.subarray(0, 12))
  if (start.startsWith('\xff\xd8\xff')) return 'jpeg'
  if (start.startsWith('\x89PNG\r\n\x1a\n')) return 'png'
  return start.startsWith('RIFF') && start.slice(8) === 'WEBP' ? 'webp' : undefined
}

import { imageHeader } from './image-header.ts'
import { imageBytes } from './image-row.ts'

/**
 * Width times height of the images in these rows, together: what their headers tell, before any of
 * them is decoded.
 * @throws ServiceError `input_invalid`, `image_type_unsupported`, `image_unreadable`
 */
export const imagePixels = (rows: readonly unknown[]): number =>
  rows.reduce<number>((sum, row, index) => {
    const { width, height } = imageHeader(imageBytes(row, index))
    return sum + width * height
  }, 0)

import type { TaskModel } from '../task.ts'
import { imageBytes } from './image-row.ts'
import { limitedHeader } from './limited-header.ts'

/**
 * Refuses what no image can be made of, as far as headers tell.
 * @throws ServiceError `input_invalid`, `image_type_unsupported`, `image_too_large`, `image_unreadable`
 */
export function checkImages(rows: readonly unknown[], { limits }: TaskModel): void {
  for (const [index, row] of rows.entries()) limitedHeader(imageBytes(row, index), limits)
}

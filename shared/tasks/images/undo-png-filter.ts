import { unreadable } from './unreadable.ts'

/**
 * Undoes the filter of one row in place (ISO/IEC 15948, clause 9). `above` is the row over it,
 * already undone; `step` is the distance to the left neighbour in bytes.
 * @throws ServiceError `image_unreadable`
 */
export function undoPngFilter(
  filter: number,
  line: Uint8Array,
  above: Uint8Array,
  step: number,
): void {
  switch (filter) {
    case 0:
      return
    case 1:
      for (let at = step; at < line.length; at += 1) {
        line[at] = (line[at] ?? 0) + (line[at - step] ?? 0)
      }
      return
    case 2:
      for (let at = 0; at < line.length; at += 1) line[at] = (line[at] ?? 0) + (above[at] ?? 0)
      return
    case 3:
      for (let at = 0; at < line.length; at += 1) {
        const left = at < step ? 0 : (line[at - step] ?? 0)
        line[at] = (line[at] ?? 0) + ((left + (above[at] ?? 0)) >> 1)
      }
      return
    case 4:
      for (let at = 0; at < Math.min(step, line.length); at += 1) {
        line[at] = (line[at] ?? 0) + (above[at] ?? 0)
      }
      for (let at = step; at < line.length; at += 1) {
        const left = line[at - step] ?? 0
        line[at] = (line[at] ?? 0) + nearest(left, above[at] ?? 0, above[at - step] ?? 0)
      }
      return
    default:
      throw unreadable('The PNG is damaged: a row has an unknown filter.')
  }
}

/** The neighbour nearest to left + up - corner (Paeth); of equals the first in this order. */
function nearest(left: number, up: number, corner: number): number {
  const toLeft = Math.abs(up - corner)
  const toUp = Math.abs(left - corner)
  const toCorner = Math.abs(left + up - 2 * corner)
  if (toLeft <= toUp && toLeft <= toCorner) return left
  return toUp <= toCorner ? up : corner
}

import { decodePng } from './decode-png.ts'
import { decodeWithCodec } from './decode-with-codec.ts'
import { type LimitedHeaderOptions, limitedHeader } from './limited-header.ts'
import type { Picture } from './picture.ts'
import { unreadable } from './unreadable.ts'

/**
 * Decodes a JPEG, PNG or WebP file, upright and opaque: what was transparent is on white. Its size
 * is read from the header and checked before a decoder allocates anything.
 * @throws ServiceError `image_type_unsupported`, `image_too_large`, `image_unreadable`
 */
export async function decodeImage(
  bytes: Uint8Array,
  limits: LimitedHeaderOptions,
): Promise<Picture> {
  const { type, width, height } = limitedHeader(bytes, limits)
  const picture = type === 'png' ? decodePng(bytes) : await decodeWithCodec(type, bytes)
  if (picture.width * picture.height !== width * height) {
    throw unreadable('The image has another size than its header says.')
  }
  if (type !== 'jpeg') layOnWhite(picture.data)
  return picture
}

function layOnWhite(data: Picture['data']): void {
  for (let at = 3; at < data.length; at += 4) {
    const alpha = data[at] ?? 255
    if (alpha === 255) continue
    for (let channel = at - 3; channel < at; channel += 1) {
      data[channel] = Math.round(((data[channel] ?? 0) * alpha + 255 * (255 - alpha)) / 255)
    }
    data[at] = 255
  }
}

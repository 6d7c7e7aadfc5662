import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import encodeJpegWith, { init as initJpeg } from '@jsquash/jpeg/encode.js'
import encodeWebpWith, { init as initWebp } from '@jsquash/webp/encode.js'
import type { Picture } from '#shared/tasks/images/picture.ts'

/** A picture whose every pixel is told by its place. */
export function picture(
  width: number,
  height: number,
  colour: (x: number, y: number) => readonly [number, number, number, number?],
): Picture {
  const data = new Uint8ClampedArray(width * height * 4)
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const [red, green, blue, alpha = 255] = colour(x, y)
      data.set([red, green, blue, alpha], (y * width + x) * 4)
    }
  }
  return { width, height, data }
}

export async function encodeJpeg(source: Picture, progressive = false): Promise<Buffer> {
  await initJpeg(await program('@jsquash/jpeg/codec/enc/mozjpeg_enc.wasm'))
  return Buffer.from(await encodeJpegWith(source as never, { quality: 95, progressive }))
}

export async function encodeWebp(source: Picture, lossless = false): Promise<Buffer> {
  await initWebp(await program('@jsquash/webp/codec/enc/webp_enc.wasm'))
  return Buffer.from(
    await encodeWebpWith(source as never, { lossless: lossless ? 1 : 0, exact: 1 }),
  )
}

/** The JPEG with an EXIF segment that says how to turn it (1 to 8). */
export function withOrientation(jpeg: Buffer, orientation: number): Buffer {
  const tiff = Buffer.from('4d4d002a00000008000101120003000000010000000000000000', 'hex')
  tiff.writeUInt16BE(orientation, 18)
  const body = Buffer.concat([Buffer.from('Exif\0\0', 'latin1'), tiff])
  const head = Buffer.from([0xff, 0xe1, 0, body.length + 2])
  return Buffer.concat([jpeg.subarray(0, 2), head, body, jpeg.subarray(2)])
}

const program = async (file: string) =>
  WebAssembly.compile(await readFile(createRequire(import.meta.url).resolve(file)))

import { createDeflate } from 'node:zlib'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { decodeImage } from '#shared/tasks/images/decode-image.ts'
import { imageHeader } from '#shared/tasks/images/image-header.ts'
import { encodeJpeg, encodeWebp, picture } from './pictures.ts'
import { refusal } from './refusal.ts'
import { chunk, pngOf, writePng } from './write-png.ts'

const source = picture(40, 24, (x, y) => [x * 6, y * 10, (x * y) % 256])
const files: Record<string, Buffer> = {}

beforeAll(async () => {
  files.jpeg = await encodeJpeg(source)
  files.progressive = await encodeJpeg(source, true)
  files.webp = await encodeWebp(source)
  files.lossless = await encodeWebp(source, true)
  files.transparent = await encodeWebp(picture(40, 24, (x, y) => [x, y, 0, x * 6]))
  files.png = writePng({ width: 40, height: 24, depth: 8, colour: 2 })
})
const names = ['jpeg', 'progressive', 'webp', 'lossless', 'transparent', 'png']
const fileOf = (name: string): Buffer => files[name] ?? Buffer.alloc(0)

describe('imageHeader', () => {
  it.each(names)('reads type and size of a %s file', (name) => {
    const type = name.startsWith('p') ? (name === 'png' ? 'png' : 'jpeg') : undefined
    expect(imageHeader(fileOf(name))).toMatchObject({
      width: 40,
      height: 24,
      ...(type && { type }),
    })
  })

  it.each(names)('reads a %s file inside a larger buffer', (name) => {
    const larger = Buffer.concat([Buffer.from('before'), fileOf(name)])
    expect(imageHeader(larger.subarray(6))).toMatchObject({ width: 40, height: 24 })
  })

  it.each(names)('refuses every truncation of a %s file', async (name) => {
    const file = fileOf(name)
    for (let length = 0; length < file.length; length += 1) {
      const code = await refusal(() => imageHeader(file.subarray(0, length)))
      // What is too short to tell its type has none.
      expect(code, `${length} bytes`).toBe(
        length < 12 && code !== 'image_unreadable' ? 'image_type_unsupported' : 'image_unreadable',
      )
    }
  })

  it.each([
    ['nothing', ''],
    ['text', 'hello, world'],
    ['a GIF', 'GIF89a\x01\0\x01\0'],
    ['an SVG', '<svg xmlns="http://www.w3.org/2000/svg"/>'],
    ['a BMP', 'BM\0\0\0\0\0\0\0\0\0\0'],
    ['a TIFF', 'II*\0\0\0\0\0\0\0\0\0'],
    ['another RIFF file', 'RIFF\0\0\0\0WAVEfmt '],
  ])('refuses %s by its bytes', async (_, text) => {
    expect(await refusal(() => imageHeader(Buffer.from(text, 'latin1')))).toBe(
      'image_type_unsupported',
    )
  })

  it('throws nothing but refusals on random bytes after any magic number', () => {
    const magic = fc.constantFrom('\xff\xd8\xff', '\x89PNG\r\n\x1a\n', 'RIFF\x20\0\0\0WEBP', '')
    return fc.assert(
      fc.asyncProperty(magic, fc.uint8Array({ maxLength: 200 }), async (start, rest) => {
        const bytes = Buffer.concat([Buffer.from(start, 'latin1'), rest])
        expect(await refusal(() => imageHeader(bytes))).toMatch(/^(image_\w+|not refused)$/)
      }),
      { numRuns: 2000 },
    )
  })

  it('refuses an animated WebP and one that tells two sizes', async () => {
    const animated = Buffer.from(fileOf('transparent'))
    animated.writeUInt8(animated.readUInt8(20) | 0x02, 20)
    const doubled = Buffer.from(fileOf('transparent'))
    doubled.writeUInt8(doubled.readUInt8(24) + 1, 24)
    expect(await refusal(() => imageHeader(animated))).toBe('image_unreadable')
    expect(await refusal(() => imageHeader(doubled))).toBe('image_unreadable')
  })

  it('refuses a JPEG of very many scans, whose decoding would take very long', async () => {
    const jpeg = fileOf('jpeg')
    const scan = jpeg.indexOf(Buffer.from([0xff, 0xda]))
    const repeated = Array.from({ length: 60 }, () => jpeg.subarray(scan, -2))
    const bomb = Buffer.concat([jpeg.subarray(0, scan), ...repeated, jpeg.subarray(-2)])
    expect(await refusal(() => imageHeader(bomb))).toBe('image_unreadable')
  })
})

describe('a pixel bomb', () => {
  it('of 15,000 x 15,000 pixels in a small PNG is refused before anything is allocated', async () => {
    const rows = await deflatedZeros(15_000, 15_001)
    const bomb = pngOf({ width: 15_000, height: 15_000, depth: 8, colour: 0 }, [
      chunk('IDAT', rows),
    ])
    expect(bomb.length).toBeLessThan(300_000)

    const before = process.memoryUsage().arrayBuffers
    const code = await refusal(() => decodeImage(bomb, { pixels: 16_000_000 }))
    expect(code).toBe('image_too_large')
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_000_000)
  })

  it('that inflates past the size in its header is cut off there', async () => {
    const rows = await deflatedZeros(1000, 100_000)
    const bomb = pngOf({ width: 8, height: 8, depth: 8, colour: 0 }, [chunk('IDAT', rows)])
    const before = process.memoryUsage().arrayBuffers
    expect(await refusal(() => decodeImage(bomb, { pixels: 100 }))).toBe('image_unreadable')
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(5_000_000)
  })

  it.each(names)(
    'is told by the header of a %s file: at the limit it passes, one past it not',
    async (name) => {
      const file = fileOf(name)
      expect(await refusal(() => decodeImage(file, { pixels: 40 * 24 }))).toBe('not refused')
      expect(await refusal(() => decodeImage(file, { pixels: 40 * 24 - 1 }))).toBe(
        'image_too_large',
      )
    },
  )
})

/** `rows` rows of zeros as one zlib stream, made without ever holding them all. */
async function deflatedZeros(rows: number, rowBytes: number): Promise<Buffer> {
  const stream = createDeflate({ level: 9 })
  const pieces: Buffer[] = []
  stream.on('data', (piece: Buffer) => pieces.push(piece))
  const ended = new Promise((resolve) => stream.on('end', resolve))
  const block = Buffer.alloc(rowBytes * 100)
  for (let row = 0; row < rows; row += 100) {
    if (!stream.write(block)) await new Promise((resolve) => stream.once('drain', resolve))
  }
  stream.end()
  await ended
  return Buffer.concat(pieces)
}

import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { decodeImage } from '#shared/tasks/images/decode-image.ts'
import type { Picture } from '#shared/tasks/images/picture.ts'
import { encodeJpeg, encodeWebp, picture, withOrientation } from './pictures.ts'
import { refusal } from './refusal.ts'
import { writePng } from './write-png.ts'

const limit = { pixels: 1_000_000 }
// Red, green, blue, white quarters of unequal sides: every turn and flip looks different.
const quarters = picture(48, 32, (x, y) =>
  y < 16 ? (x < 24 ? [255, 0, 0] : [0, 255, 0]) : x < 24 ? [0, 0, 255] : [255, 255, 255],
)
const files: Record<string, Buffer> = {}
const fileOf = (name: string): Buffer => files[name] ?? Buffer.alloc(0)

beforeAll(async () => {
  files.jpeg = await encodeJpeg(quarters)
  files.progressive = await encodeJpeg(quarters, true)
  files.webp = await encodeWebp(quarters)
  const samples = [...quarters.data].filter((_, at) => at % 4 !== 3)
  files.png = writePng({ width: 48, height: 32, depth: 8, colour: 2, samples, filter: 4 })
})
const names = ['jpeg', 'progressive', 'webp', 'png']

describe('decodeImage', () => {
  it.each(names)('decodes a %s file', async (name) => {
    const decoded = await decodeImage(fileOf(name), limit)
    expect([decoded.width, decoded.height]).toEqual([48, 32])
    expect(corners(decoded)).toEqual(['red', 'green', 'blue', 'white'])
  })

  it.each([
    [1, ['red', 'green', 'blue', 'white']],
    [2, ['green', 'red', 'white', 'blue']],
    [3, ['white', 'blue', 'green', 'red']],
    [4, ['blue', 'white', 'red', 'green']],
    [5, ['red', 'blue', 'green', 'white']],
    [6, ['blue', 'red', 'white', 'green']],
    [7, ['white', 'green', 'blue', 'red']],
    [8, ['green', 'white', 'red', 'blue']],
  ])('turns a JPEG upright by EXIF orientation %i', async (orientation, expected) => {
    const decoded = await decodeImage(withOrientation(fileOf('jpeg'), orientation), limit)
    expect([decoded.width, decoded.height]).toEqual(orientation < 5 ? [48, 32] : [32, 48])
    expect(corners(decoded)).toEqual(expected)
  })

  it('lays what is transparent on white', async () => {
    const half = picture(16, 16, (x) => (x < 8 ? [0, 0, 0, 0] : [0, 0, 0, 128]))
    const png = writePng({ width: 16, height: 16, depth: 8, colour: 6, samples: [...half.data] })
    for (const file of [png, await encodeWebp(half, true)]) {
      const { data } = await decodeImage(file, limit)
      expect([...data.subarray(0, 4)]).toEqual([255, 255, 255, 255])
      expect([...data.subarray(15 * 4, 16 * 4)]).toEqual([127, 127, 127, 255])
    }
  })

  it('refuses a JPEG that was cut and given an end again, which libjpeg would fill with grey', async () => {
    const noisy = await encodeJpeg(picture(64, 64, (x, y) => [(x * y * 31) % 256, x * 4, y * 4]))
    const half = noisy.subarray(0, Math.floor(noisy.length * 0.6))
    const mended = Buffer.concat([half, Buffer.from([0xff, 0xd9])])
    expect(await refusal(() => decodeImage(mended, limit))).toBe('image_unreadable')
  })

  it('says why it refuses what the decoder refuses', async () => {
    const broken = Buffer.from(fileOf('jpeg'))
    const tables = broken.indexOf(Buffer.from([0xff, 0xc4]))
    broken.fill(0xff, tables + 5, tables + 20)
    await expect(decodeImage(broken, limit)).rejects.toThrow(/JPEG cannot be decoded \(.+\)/)
  })

  it('decodes the next image after one that broke the decoder', async () => {
    for (const name of names) {
      const file = fileOf(name)
      const broken = Buffer.from(file)
      broken.fill(0x55, Math.floor(file.length * 0.3), Math.floor(file.length * 0.6))
      await refusal(() => decodeImage(broken, limit))
      expect(corners(await decodeImage(file, limit))).toEqual(['red', 'green', 'blue', 'white'])
    }
  })

  it('decodes images side by side as it does one by one', async () => {
    const together = await Promise.all(
      [...names, ...names].map((name) => decodeImage(fileOf(name), limit)),
    )
    for (const decoded of together)
      expect(corners(decoded)).toEqual(['red', 'green', 'blue', 'white'])
  })

  it.each(names)('never throws anything but a refusal on a %s file with bytes changed', (name) =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(10_000), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        async (changes) => {
          const bytes = Buffer.from(fileOf(name))
          for (const [at, value] of changes) bytes[at % bytes.length] = value
          expect(await refusal(() => decodeImage(bytes, limit))).toMatch(
            /^(image_\w+|not refused)$/,
          )
        },
      ),
      { numRuns: 150 },
    ),
  )
})

/** Colours in the middle of the four quarters, from the top left to the bottom right. */
function corners({ width, height, data }: Picture): string[] {
  const places = [0.25, 0.75].flatMap((y) => [0.25, 0.75].map((x) => [x, y] as const))
  return places.map(([x, y]) => {
    const at = (Math.floor(y * height) * width + Math.floor(x * width)) * 4
    const key = [...data.subarray(at, at + 3)].map((value) => (value > 127 ? 1 : 0)).join('')
    return { '100': 'red', '010': 'green', '001': 'blue', '111': 'white' }[key] ?? key
  })
}

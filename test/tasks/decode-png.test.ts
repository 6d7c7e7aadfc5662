import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodePng } from '#shared/tasks/images/decode-png.ts'
import { refusal } from './refusal.ts'
import { type PngSource, writePng } from './write-png.ts'

const kinds = [
  { colour: 0, depths: [1, 2, 4, 8, 16], samples: 1 },
  { colour: 2, depths: [8, 16], samples: 3 },
  { colour: 3, depths: [1, 2, 4, 8], samples: 1 },
  { colour: 4, depths: [8, 16], samples: 2 },
  { colour: 6, depths: [8, 16], samples: 4 },
] as const

const anyPng: fc.Arbitrary<Required<Omit<PngSource, 'transparency'>>> = fc
  .record({
    kind: fc.constantFrom(...kinds),
    depth: fc.nat(),
    width: fc.integer({ min: 1, max: 20 }),
    height: fc.integer({ min: 1, max: 20 }),
    interlaced: fc.boolean(),
    filter: fc.constantFrom(0, 1, 2, 3, 4),
    seed: fc.nat(1000),
  })
  .map(({ kind, depth, seed, ...rest }) => {
    const bits = kind.depths[depth % kind.depths.length] ?? 8
    const samples = Array.from(
      { length: rest.width * rest.height * kind.samples },
      (_, at) => (at * 7919 + seed * 104_729) % 2 ** bits,
    )
    const palette = Array.from({ length: 3 * 2 ** Math.min(bits, 8) }, (_, at) => (at * 37) % 256)
    return { ...rest, colour: kind.colour, depth: bits, samples, palette }
  })

describe('decodePng', () => {
  it('decodes every colour type, depth, filter and size, interlaced or not', () => {
    fc.assert(
      fc.property(anyPng, (source) => {
        const { colour, palette, ...rest } = source
        const file = writePng({ ...rest, colour, ...(colour === 3 && { palette }) })
        expect([...decodePng(file).data]).toEqual(expectedPixels(source))
      }),
      { numRuns: 400 },
    )
  })

  it('reads the transparent colour, at the full depth of its samples', () => {
    const grey = { width: 2, height: 1, depth: 16, colour: 0 } as const
    const file = writePng({ ...grey, samples: [0x0102, 0x0103], transparency: [0x01, 0x02] })
    expect([...decodePng(file).data]).toEqual([1, 1, 1, 0, 1, 1, 1, 255])
    const colour = { width: 2, height: 1, depth: 8, colour: 2 } as const
    const other = writePng({
      ...colour,
      samples: [1, 2, 3, 1, 2, 4],
      transparency: [0, 1, 0, 2, 0, 3],
    })
    expect([...decodePng(other).data]).toEqual([1, 2, 3, 0, 1, 2, 4, 255])
  })

  it('reads the alpha of palette entries', () => {
    const file = writePng({
      ...{ width: 2, height: 1, depth: 1, colour: 3 },
      palette: [9, 8, 7, 6, 5, 4],
      transparency: [100],
      samples: [0, 1],
    })
    expect([...decodePng(file).data]).toEqual([9, 8, 7, 100, 6, 5, 4, 255])
  })

  it('refuses a colour that the palette lacks, an unknown filter and missing pixels', async () => {
    const one = { width: 2, height: 2, depth: 8, colour: 3, palette: [1, 2, 3] } as const
    const refused = (source: PngSource) => refusal(() => decodePng(writePng(source)))
    expect(await refused({ ...one, samples: [0, 0, 0, 1] })).toBe('image_unreadable')
    expect(await refused({ ...one, samples: [0, 0, 0, 0] })).toBe('not refused')
    expect(await refused({ ...one, filter: 5 as never })).toBe('image_unreadable')
  })

  it('refuses a file of which one byte was changed, but for chunks that it does not read', () => {
    const file = writePng({ width: 5, height: 5, depth: 8, colour: 2 })
    return fc.assert(
      fc.asyncProperty(
        fc.nat(file.length - 1),
        fc.integer({ min: 1, max: 255 }),
        async (at, change) => {
          const bytes = Buffer.from(file)
          bytes[at] = (bytes[at] ?? 0) ^ change
          // The signature is the business of whoever tells the type.
          if (at >= 8) expect(await refusal(() => decodePng(bytes))).toBe('image_unreadable')
        },
      ),
    )
  })
})

/** The pixels by the definition of each colour type. */
function expectedPixels({
  colour,
  depth,
  samples,
  palette,
}: Required<Omit<PngSource, 'transparency'>>) {
  const to8 = (value = 0) =>
    depth === 16 ? value >> 8 : Math.trunc((value * 255) / (2 ** depth - 1))
  const size = kinds.find((kind) => kind.colour === colour)?.samples ?? 1
  return Array.from({ length: samples.length / size }, (_, pixel) => {
    const [one = 0, two, three, four] = samples.slice(pixel * size, pixel * size + size)
    if (colour === 3) return [...palette.slice(one * 3, one * 3 + 3), 255]
    if (colour === 0) return [to8(one), to8(one), to8(one), 255]
    if (colour === 4) return [to8(one), to8(one), to8(one), to8(two)]
    return [to8(one), to8(two), to8(three), colour === 6 ? to8(four) : 255]
  }).flat()
}

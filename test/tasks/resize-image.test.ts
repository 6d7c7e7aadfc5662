import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { resizeImage } from '#shared/tasks/images/resize-image.ts'
import { picture } from './pictures.ts'

describe('resizeImage', () => {
  it('gives every pixel back where the size stays', () => {
    const source = picture(7, 5, (x, y) => [x * 30, y * 50, x + y])
    const rgb = [...source.data].filter((_, at) => at % 4 !== 3)
    expect([...resizeImage(source, 7, 5)]).toEqual(rgb)
  })

  it('keeps one colour one colour at any size', () => {
    const size = fc.integer({ min: 1, max: 60 })
    fc.assert(
      fc.property(size, size, size, size, (width, height, toWidth, toHeight) => {
        const result = resizeImage(
          picture(width, height, () => [200, 100, 0]),
          toWidth,
          toHeight,
        )
        expect(result).toHaveLength(toWidth * toHeight * 3)
        const wrong = result.findIndex(
          (value, at) => Math.abs(value - (200 - (at % 3) * 100)) > 1e-3,
        )
        expect(wrong).toBe(-1)
      }),
      { numRuns: 50 },
    )
  })

  it('counts every pixel when it shrinks: a fine chequerboard becomes grey', () => {
    const board = picture(64, 64, (x, y) => ((x + y) % 2 ? [255, 255, 255] : [0, 0, 0]))
    expect(resizeImage(board, 8, 8).every((value) => Math.abs(value - 127.5) < 2)).toBe(true)
  })

  it('interpolates between neighbours when it grows', () => {
    const two = picture(2, 1, (x) => (x ? [100, 100, 100] : [0, 0, 0]))
    const reds = [...resizeImage(two, 4, 1)].filter((_, at) => at % 3 === 0)
    expect(reds).toEqual([0, 25, 75, 100])
  })

  // Pillow 13.0.0: Image.fromarray(numpy.arange(25, dtype="float32").reshape(5, 5)).resize((3, 2), BILINEAR)
  it('agrees with Pillow', () => {
    const source = picture(5, 5, (x, y) => [y * 5 + x, 0, 0])
    const reds = [...resizeImage(source, 3, 2)].filter((_, at) => at % 3 === 0)
    expect(reds.map((value) => Number(value.toPrecision(6)))).toEqual(pillow)
  })
})

const pillow = [5.42857, 7, 8.57143, 15.4286, 17, 18.5714]

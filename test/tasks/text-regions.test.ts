import { expect, test } from 'vitest'
import { decodeTextRegions } from '#shared/tasks/detection/decode-text-regions.ts'

const [width, height] = [40, 30]

/** A map that says `chance` within these rectangles (left, top, right, bottom; ends excluded). */
function mapOf(...rows: [number, number, number, number, number][][]) {
  const data = new Float32Array(rows.length * width * height)
  rows.forEach((boxes, row) => {
    for (const [left, top, right, bottom, chance] of boxes) {
      for (let y = top; y < bottom; y += 1) {
        data.fill(chance, (row * height + y) * width + left, (row * height + y) * width + right)
      }
    }
  })
  return { map: { datatype: 'FP32', shape: [rows.length, 1, height, width], data } } as const
}
const pixelsOf = (row = 0, ...rows: Parameters<typeof mapOf>) =>
  decodeTextRegions(mapOf(...rows), row, 0.5).map(({ score, xmin, ymin, xmax, ymax }) =>
    [xmin * width, ymin * height, xmax * width, ymax * height, score].map(
      (edge) => Math.round(edge * 1e3) / 1e3,
    ),
  )

test('a region is grown by its area over half its perimeter, times 1.6', () => {
  // 20 x 4 pixels: 80 * 1.6 / 48 = 2.67, so 3.
  expect(pixelsOf(0, [[10, 10, 30, 14, 0.75]])).toEqual([[7, 7, 33, 17, 0.75]])
})

test('what touches is one region, corners do not count, and edges end it', () => {
  const boxes: [number, number, number, number, number][] = [
    [0, 0, 10, 5, 1],
    [10, 2, 20, 7, 0.5],
    [20, 7, 30, 12, 1],
  ]
  expect(pixelsOf(0, boxes)).toEqual([
    [0, 0, 24, 11, 0.75],
    [17, 4, 33, 15, 1],
  ])
})

test('specks, faint pixels and regions below the threshold are left out', () => {
  expect(pixelsOf(0, [[0, 0, 5, 5, 1]])).toEqual([])
  expect(pixelsOf(0, [[0, 0, 20, 20, 0.29]])).toEqual([])
  expect(pixelsOf(0, [[0, 0, 20, 20, 0.49]])).toEqual([])
})

test('each image has its own regions', () => {
  const rows: Parameters<typeof mapOf> = [[[0, 0, 10, 10, 1]], [], [[20, 10, 40, 20, 0.5]]]
  expect([0, 1, 2].map((row) => pixelsOf(row, ...rows).length)).toEqual([1, 0, 1])
  expect(pixelsOf(2, ...rows)).toEqual([[15, 5, 40, 25, 0.5]])
})

test('refuses a tensor of another form', () => {
  expect(() => decodeTextRegions({}, 0, 0.5)).toThrow(/rows, 1, height, width/)
})

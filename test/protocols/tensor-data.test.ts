import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readTensorData } from '#shared/protocols/tensor-data.ts'
import { type Datatype, datatypes, elementCount } from '#shared/runtime/tensor.ts'
import { refusal } from '#test/support/refusal.ts'

const read = (datatype: Datatype, data: unknown, shape = [(data as unknown[]).length]) =>
  readTensorData(data, { name: 'x', datatype, shape, nonFinite: false })

describe.each([
  ['UINT8', 0, 255],
  ['UINT16', 0, 65_535],
  ['UINT32', 0, 4_294_967_295],
  ['INT8', -128, 127],
  ['INT16', -32_768, 32_767],
  ['INT32', -2_147_483_648, 2_147_483_647],
] as const)('%s', (datatype, minimum, maximum) => {
  test('holds its limits exactly and nothing beyond them', () => {
    expect(read(datatype, [minimum, maximum])).toStrictEqual(
      datatypes[datatype].array.of(minimum, maximum),
    )
    for (const value of [minimum - 1, maximum + 1, Number.POSITIVE_INFINITY, 2n ** 60n]) {
      expect(() => read(datatype, [value])).toThrow(refusal('number_not_finite', 'x', datatype))
    }
  })

  test('takes whole numbers only', () => {
    for (const value of [1.5, '1', true, null, {}, [], [1]]) {
      expect(() => read(datatype, [value])).toThrow(refusal('datatype_wrong', 'x', datatype))
    }
  })
})

describe.each([
  ['UINT64', 0n, 2n ** 64n - 1n],
  ['INT64', -(2n ** 63n), 2n ** 63n - 1n],
] as const)('%s', (datatype, minimum, maximum) => {
  test('holds its limits exactly and nothing beyond them', () => {
    const values = [minimum, maximum, 0, 2 ** 53 - 1]
    expect(read(datatype, values)).toStrictEqual(
      datatypes[datatype].array.from(values.map(BigInt) as bigint[]),
    )
    for (const value of [minimum - 1n, maximum + 1n]) {
      expect(() => read(datatype, [value])).toThrow(refusal('number_not_finite'))
    }
  })

  test('takes whole numbers only, and none that has been rounded', () => {
    for (const value of [1.5, 2 ** 53, 1e30, Number.POSITIVE_INFINITY, '1', null, true]) {
      expect(() => read(datatype, [value])).toThrow(refusal('datatype_wrong'))
    }
  })
})

describe.each([
  ['FP16', 65_504, 65_505],
  ['FP32', 2 ** 128 - 2 ** 104, 2 ** 128],
  ['FP64', Number.MAX_VALUE, Number.POSITIVE_INFINITY],
] as const)('%s', (datatype, largest, beyond) => {
  test('holds its limits and nothing that would become infinite', () => {
    expect(Array.from<unknown>(read(datatype, [largest, -largest, 0, 0.5]))).toStrictEqual([
      largest,
      -largest,
      0,
      0.5,
    ])
    for (const value of [beyond, -beyond, null]) {
      expect(() => read(datatype, [value])).toThrow(refusal('number_not_finite'))
    }
  })

  test('takes numbers only, also whole ones that arrive as BigInt', () => {
    if (datatype !== 'FP16') expect(Number(read(datatype, [2n ** 60n])[0])).toBe(2 ** 60)
    for (const value of ['1', 'NaN', true, {}, []]) {
      expect(() => read(datatype, [value])).toThrow(refusal('datatype_wrong'))
    }
  })

  test('takes null for NaN where the model allows it', () => {
    const data = readTensorData([null, 1], { name: 'x', datatype, shape: [2], nonFinite: true })
    expect(Array.from<unknown>(data)).toStrictEqual([Number.NaN, 1])
  })
})

test('BOOL takes true, false, 1 and 0', () => {
  expect(read('BOOL', [true, false, 1, 0])).toStrictEqual(Uint8Array.of(1, 0, 1, 0))
  for (const value of [2, -1, 'true', null]) {
    expect(() => read('BOOL', [value])).toThrow(refusal('datatype_wrong'))
  }
})

test('BYTES takes strings only', () => {
  expect(read('BYTES', ['', 'ü', '\0'])).toStrictEqual(['', 'ü', '\0'])
  for (const value of [1, null, ['a'], {}]) {
    expect(() => read('BYTES', [value])).toThrow(refusal('datatype_wrong'))
  }
})

test.each([[undefined], [null], ['1,2'], [7], [{ 0: 1 }]])('refuses %j for data', (data) => {
  expect(() => read('FP32', data, [1])).toThrow(refusal('datatype_wrong', 'not an array'))
})

/** Values of a shape, nested as deep as the shape says. */
function nest(values: readonly unknown[], shape: readonly number[]): unknown {
  const [length = 0, ...inner] = shape
  if (inner.length === 0) return values
  const size = elementCount(inner)
  return Array.from({ length }, (_, at) => nest(values.slice(at * size, (at + 1) * size), inner))
}

test('reads nested and flat data to the same row-major memory', () => {
  const shapes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 })
  fc.assert(
    fc.property(shapes, (shape) => {
      const values = Array.from({ length: elementCount(shape) }, (_, at) => at)
      const expected = Int32Array.from(values)
      expect(read('INT32', values, shape)).toStrictEqual(expected)
      expect(read('INT32', nest(values, shape), shape)).toStrictEqual(expected)
    }),
  )
})

test('reads every float32 that JSON can write back to the same bits', () => {
  fc.assert(
    fc.property(
      fc.float32Array({ noNaN: true, noDefaultInfinity: true, minLength: 1 }),
      (values) => {
        const sent: number[] = JSON.parse(JSON.stringify(Array.from(values)))
        // JSON has no negative zero.
        expect(read('FP32', sent)).toStrictEqual(values.map((value) => value + 0))
      },
    ),
  )
})

test.each([
  ['too few values', [1, 2, 3], [2, 2]],
  ['too many values', [1, 2, 3, 4, 5], [2, 2]],
  ['none', [], [2, 2]],
  ['rows of another length', [[1, 2, 3], [4]], [2, 2]],
  ['too few rows', [[1, 2]], [2, 2]],
  ['too many rows', [[1, 2], [3, 4], []], [2, 2]],
  ['values among rows', [[1, 2], 3, 4], [2, 2]],
  [
    'rows of the turned shape',
    [
      [1, 2],
      [3, 4],
      [5, 6],
    ],
    [2, 3],
  ],
])('refuses %s', (_, data, shape) => {
  expect(() => read('FP32', data, shape)).toThrow(refusal('element_count_wrong', 'x'))
})

test.each([
  ['rows among values', [1, 2, [3], 4], [2, 2]],
  ['deeper nesting than dimensions', [[1], [2]], [2]],
])('refuses %s', (_, data, shape) => {
  expect(() => read('FP32', data, shape)).toThrow(refusal('datatype_wrong'))
})

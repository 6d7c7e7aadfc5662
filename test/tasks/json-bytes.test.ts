import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { classify } from '#shared/tasks/classify.ts'
import { createJsonBytes } from '#shared/tasks/json-bytes.ts'
import { shortestFloat } from '#shared/tasks/shortest-float.ts'
import { taskModel } from './task-model.ts'

/** What `shortestFloat` promises, by trying. */
function shortestText(value: number): string {
  for (let digits = 1; digits < 9; digits += 1) {
    const candidate = Number(value.toPrecision(digits))
    if (Math.fround(candidate) === value) return JSON.stringify(candidate)
  }
  return JSON.stringify(Number(value.toPrecision(9)))
}

const written = (value: number): string => {
  const json = createJsonBytes(4)
  json.float(value)
  return json.take().toString()
}

/** Every float32 from 0 to 1 by its bits, so that small ones come as often as large ones. */
const score = fc.integer({ min: 0, max: 0x3f80_0000 }).map((bits) => {
  const [value = 0] = new Float32Array(Uint32Array.of(bits).buffer)
  return value
})

describe('float', () => {
  it('writes scores in the shortest form that reads back as the same float32', () => {
    fc.assert(
      fc.property(score, (value) => {
        expect(written(value)).toBe(shortestText(value))
        expect(JSON.stringify(shortestFloat(value))).toBe(shortestText(value))
      }),
      { numRuns: 50_000 },
    )
  })

  it('writes every decimal of few digits as it is', () => {
    for (let digits = 1; digits < 1_000; digits += 1) {
      for (let places = 3; places < 16; places += 1) {
        const value = Math.fround(digits / 10 ** places)
        expect(written(value)).toBe(shortestText(value))
      }
    }
  })

  it('writes numbers that are no scores, too', () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(written(value)).toBe(JSON.stringify(shortestFloat(value)))
      }),
    )
  })
})

describe('what grows', () => {
  it('keeps what was written, and gives it once', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' })), (texts) => {
        const json = createJsonBytes(1)
        for (const text of texts) json.text(text)
        for (const text of texts) json.bytes(Buffer.from(text))
        expect(json.take().toString()).toBe(Buffer.from(texts.join('').repeat(2)).toString())
        expect(json.take()).toHaveLength(0)
      }),
    )
  })

  it('takes back what is cut off', () => {
    const json = createJsonBytes(1)
    json.text('one')
    const { length } = json
    json.text('two')
    json.cut(length)
    json.text('three')
    expect(json.take().toString()).toBe('onethree')
  })
})

describe('answers of a classifier', () => {
  const values = fc.oneof(
    score,
    fc.constantFrom(0, 0.5, 0.25, 1, -1, 7.5, Number.NaN, Number.POSITIVE_INFINITY),
  )
  const table = fc
    .record({ width: fc.integer({ min: 1, max: 9 }), rows: fc.integer({ min: 1, max: 4 }) })
    .chain(({ width, rows }) =>
      fc.record({
        width: fc.constant(width),
        count: fc.integer({ min: 1, max: width + 1 }),
        scores: fc.array(values, { minLength: width * rows, maxLength: width * rows }),
      }),
    )

  it('are written byte by byte as they are read, or not at all', () => {
    fc.assert(
      fc.property(table, ({ width, count, scores }) => {
        const labels = Array.from({ length: width }, (_, place) => `label "${place}" é`)
        const data = Float32Array.from(scores)
        const p = { datatype: 'FP32', shape: [scores.length / width, width], data } as const
        const reading = classify.reader({ top_k: count }, taskModel({ labels }), 'p')
        const { rows, write } = reading.writer({ p })
        const answers = reading.interpret({ p })
        expect(rows).toBe(answers.length)
        for (const [row, answer] of answers.entries()) {
          const json = createJsonBytes()
          const isPlain = write(row, json)
          if (isPlain) expect(json.take().toString()).toBe(JSON.stringify(answer))
          const own = data.subarray(row * width, (row + 1) * width)
          // Where all is finite nothing is left to the other way.
          if (own.every(Number.isFinite)) expect(isPlain).toBe(true)
        }
      }),
      { numRuns: 2_000 },
    )
  })
})

import { describe, expect, it } from 'vitest'
import { imageToText } from '#shared/tasks/image-to-text.ts'
import { refusal } from './refusal.ts'
import { taskModel } from './task-model.ts'
import { writePng } from './write-png.ts'

const labels = ['', 'a', 'b', ' ']
const model = taskModel({
  labels,
  options: {
    layout: 'NCHW',
    scale: 1 / 255,
    mean: [0.5],
    deviation: [0.5],
    order: 'BGR',
    fit: 'line',
  },
  inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 3, 4, 12] }],
  outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, -1, 4] }],
})
const red = (width: number, height: number) =>
  writePng({
    width,
    height,
    depth: 8,
    colour: 2,
    samples: Array.from({ length: width * height }, () => [255, 0, 0]).flat(),
  })

/** Outputs of a model that is so sure of these letters, step by step. */
function saying(...lines: (readonly [letter: number, probability: number])[][]) {
  const steps = lines[0]?.length ?? 0
  const data = new Float32Array(lines.length * steps * labels.length)
  lines.flat().forEach(([letter, probability], step) => {
    data[step * labels.length + letter] = probability
  })
  return { y: { datatype: 'FP32', shape: [lines.length, steps, labels.length], data } } as const
}
const prepare = (rows: readonly unknown[]) => imageToText.prepare(rows, {}, model)

describe('image-to-text', () => {
  it('reads repeats as one letter, and as two with a blank between', async () => {
    const { interpret } = await prepare([red(8, 4)])
    const steps = [1, 1, 0, 1, 2, 2, 3, 0].map((letter) => [letter, 0.75] as const)
    expect(interpret(saying(steps))).toEqual([{ generated_text: 'aab ', score: 0.75 }])
  })

  it('scores a line by the mean of its letters, and an empty one by 0', async () => {
    const { interpret } = await prepare([red(8, 4), red(8, 4)])
    const outputs = saying(
      [
        [1, 1],
        [2, 0.5],
        [0, 1],
      ],
      [
        [0, 1],
        [0, 1],
        [0, 1],
      ],
    )
    expect(interpret(outputs)).toEqual([
      { generated_text: 'ab', score: 0.75 },
      { generated_text: '', score: 0 },
    ])
  })

  it('fills the height from the left, in the order blue, green, red, with zeros behind', async () => {
    const { tensors } = await prepare([red(4, 2)])
    const { data, shape } = tensors.x ?? { data: [], shape: [] }
    expect(shape).toEqual([1, 3, 4, 12])
    const row = (channel: number) => [...data.slice(channel * 48, channel * 48 + 12)]
    const zeros = [0, 0, 0, 0]
    expect(row(0)).toEqual([...Array(8).fill(-1), ...zeros])
    expect(row(2)).toEqual([...Array(8).fill(1), ...zeros])
  })

  it('squeezes a line that is longer than the input', async () => {
    const { tensors } = await prepare([red(400, 4)])
    expect([...(tensors.x?.data.slice(96, 144) ?? [])]).toEqual(Array(48).fill(1))
  })

  it('refuses parameters, and a model whose letters are not those of its labels', async () => {
    expect(await refusal(() => imageToText.prepare([red(2, 2)], { top_k: 1 }, model))).toBe(
      'parameter_invalid',
    )
    const { interpret } = await imageToText.prepare(
      [red(2, 2)],
      {},
      { ...model, labels: ['', 'a'] },
    )
    expect(() => interpret(saying([[1, 1]]))).toThrow(/shape \[rows, steps, 2\]/)
  })
})

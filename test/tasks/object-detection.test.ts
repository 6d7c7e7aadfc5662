import { describe, expect, it } from 'vitest'
import { blazefaceAnchors } from '#shared/tasks/detection/blazeface-anchors.ts'
import { objectDetection } from '#shared/tasks/object-detection.ts'
import { refusal } from './refusal.ts'
import { taskModel } from './task-model.ts'
import { writePng } from './write-png.ts'

const model = taskModel({
  labels: ['face'],
  options: { fit: 'contain' },
  inputs: [{ name: 'image', datatype: 'FP32', shape: [-1, 128, 128, 3] }],
})
const blank = (width: number, height: number) => writePng({ width, height, depth: 8, colour: 0 })

/** Outputs of a model that sees boxes in pixels of its input: centre, width, height, score. */
function seeing(boxes: readonly [number, number, number, number, number][], row = 0, rows = 1) {
  const scores = new Float32Array(896 * rows)
  const numbers = new Float32Array(896 * 16 * rows)
  boxes.forEach(([x, y, width, height, score], index) => {
    const anchor = blazefaceAnchors[index * 100] ?? { x: 0, y: 0 }
    const place = row * 896 + index * 100
    scores[place] = score
    numbers.set([x - anchor.x * 128, y - anchor.y * 128, width, height], place * 16)
  })
  return {
    scores: { datatype: 'FP32', shape: [rows, 896], data: scores },
    boxes: { datatype: 'FP32', shape: [rows, 896, 16], data: numbers },
  } as const
}

describe('object-detection', () => {
  it('answers boxes in pixels of the image, whatever its proportions', async () => {
    const { interpret } = await objectDetection.prepare([blank(256, 128)], {}, model)
    // 256 x 128 stands as 128 x 64 in the middle of the input: one input pixel is two of its own.
    expect(interpret(seeing([[64, 64, 20, 10, 0.75]]))).toEqual([
      [{ label: 'face', score: 0.75, box: { xmin: 108, ymin: 54, xmax: 148, ymax: 74 } }],
    ])
    const tall = await objectDetection.prepare([blank(64, 128)], {}, model)
    expect(tall.interpret(seeing([[64, 64, 20, 10, 0.75]]))).toEqual([
      [{ label: 'face', score: 0.75, box: { xmin: 22, ymin: 59, xmax: 42, ymax: 69 } }],
    ])
  })

  it('cuts boxes at the edges of the image', async () => {
    const { interpret } = await objectDetection.prepare([blank(128, 128)], {}, model)
    expect(interpret(seeing([[0, 0, 50, 300, 1]]))).toEqual([
      [{ label: 'face', score: 1, box: { xmin: 0, ymin: 0, xmax: 25, ymax: 128 } }],
    ])
  })

  it('answers what scores at least the threshold, best first', async () => {
    const outputs = seeing([
      [20, 20, 10, 10, 0.25],
      [60, 60, 10, 10, 0.5],
      [100, 100, 10, 10, 0.875],
    ])
    const scoresAt = async (parameters: Record<string, unknown>) => {
      const { interpret } = await objectDetection.prepare([blank(8, 8)], parameters, model)
      return (interpret(outputs)[0] as { score: number }[]).map(({ score }) => score)
    }
    expect(await scoresAt({})).toEqual([0.875, 0.5])
    expect(await scoresAt({ threshold: 0.2 })).toEqual([0.875, 0.5, 0.25])
    expect(await scoresAt({ threshold: 0.9 })).toEqual([])
  })

  it('reads each row by itself', async () => {
    const { interpret } = await objectDetection.prepare([blank(8, 8), blank(128, 128)], {}, model)
    const answers = interpret(seeing([[64, 64, 10, 10, 1]], 1, 2))
    expect(answers[0]).toEqual([])
    expect(answers[1]).toMatchObject([{ box: { xmin: 59, ymin: 59, xmax: 69, ymax: 69 } }])
  })

  it('passes over boxes that are no numbers', async () => {
    const { interpret } = await objectDetection.prepare([blank(8, 8)], {}, model)
    expect(interpret(seeing([[Number.NaN, 1, 1, 1, 0.9]]))).toEqual([[]])
    expect(interpret(seeing([[1, 1, 1, 1, Number.NaN]]))).toEqual([[]])
  })

  it.each([[{ threshold: 2 }], [{ threshold: -1 }], [{ threshold: '0.5' }], [{ top_k: 1 }]])(
    'refuses the parameters %j',
    async (parameters) => {
      const prepare = () => objectDetection.prepare([blank(8, 8)], parameters, model)
      expect(await refusal(prepare)).toBe('parameter_invalid')
    },
  )
})

describe('blazefaceAnchors', () => {
  it('stand in the middle of the cells of both grids, in the order of the outputs', () => {
    expect(blazefaceAnchors).toHaveLength(16 * 16 * 2 + 8 * 8 * 6)
    expect(blazefaceAnchors[0]).toEqual({ x: 1 / 32, y: 1 / 32 })
    expect(blazefaceAnchors[3]).toEqual({ x: 3 / 32, y: 1 / 32 })
    expect(blazefaceAnchors[512]).toEqual({ x: 1 / 16, y: 1 / 16 })
    expect(blazefaceAnchors[895]).toEqual({ x: 15 / 16, y: 15 / 16 })
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { findTask } from '#shared/tasks/find-task.ts'
import { rankLabels } from '#shared/tasks/rank-labels.ts'
import { shortestFloat } from '#shared/tasks/shortest-float.ts'
import { tabularClassification } from '#shared/tasks/tabular-classification.ts'
import type { TaskModel } from '#shared/tasks/task.ts'
import { textClassification } from '#shared/tasks/text-classification.ts'
import { refusal } from './refusal.ts'
import { taskModel } from './task-model.ts'

const scores = {
  p: { datatype: 'FP32', shape: [2, 3], data: Float32Array.of(0.1, 0.7, 0.2, 0.4, 0.2, 0.4) },
} as const

describe('findTask', () => {
  it('finds each task under its own name', async () => {
    for (const name of [
      'text-classification',
      'tabular-classification',
      'image-classification',
      'object-detection',
    ]) {
      expect((await findTask(name)).name).toBe(name)
    }
  })

  it('refuses a task that does not exist, and names that every object inherits', async () => {
    expect(await refusal(() => findTask('translation'))).toBe('configuration_invalid')
    expect(await refusal(() => findTask('constructor'))).toBe('configuration_invalid')
  })
})

describe('shortestFloat', () => {
  it('reads back as the same float32, and is never longer than nine digits', () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const short = shortestFloat(value)
        expect(Math.fround(short)).toBe(value === 0 ? short : value)
        expect(short.toExponential().replace(/e.*|\D/g, '').length).toBeLessThanOrEqual(9)
      }),
    )
    expect(shortestFloat(Math.fround(0.1))).toBe(0.1)
  })
})

describe('rankLabels', () => {
  it('gives the best first and keeps the order of labels where scores are equal', () => {
    const tied = rankLabels([0.5, 0.1, 0.5, 0.9], ['a', 'b', 'c', 'd'], 3)
    expect(tied.map(({ label }) => label)).toEqual(['d', 'a', 'c'])
  })
})

describe('text-classification', () => {
  const model = taskModel({ inputs: [{ name: 'x', datatype: 'BYTES', shape: [-1, 1] }] })

  it('tells one text from a list of texts', () => {
    expect(textClassification.rows('hello', model)).toEqual({ rows: ['hello'], single: true })
    expect(textClassification.rows(['a', 'b'], model)).toEqual({ rows: ['a', 'b'], single: false })
  })

  it.each([[5], [null], [{}], [[]], [['a', 5]], [[['a']]]])(
    'refuses %j as inputs',
    async (inputs) => {
      expect(await refusal(() => textClassification.rows(inputs, model))).toBe('input_invalid')
    },
  )

  it('hands texts to the model in the shape that its manifest gives', async () => {
    const flat = taskModel({ inputs: [{ name: 'x', datatype: 'BYTES', shape: [-1] }] })
    const tensors = async (of: TaskModel) =>
      (await textClassification.prepare(['a', 'b'], {}, of)).tensors.x
    expect(await tensors(model)).toEqual({ datatype: 'BYTES', shape: [2, 1], data: ['a', 'b'] })
    expect(await tensors(flat)).toEqual({ datatype: 'BYTES', shape: [2], data: ['a', 'b'] })
  })

  it('answers the top_k best labels of each row', async () => {
    const { interpret } = await textClassification.prepare(['a', 'b'], { top_k: 2 }, model)
    expect(interpret(scores)).toEqual([
      [
        { label: 'b', score: 0.7 },
        { label: 'c', score: 0.2 },
      ],
      [
        { label: 'a', score: 0.4 },
        { label: 'c', score: 0.4 },
      ],
    ])
  })

  it('answers all labels where top_k is larger than their number', async () => {
    const { interpret } = await textClassification.prepare(['a', 'b'], { top_k: 99 }, model)
    expect(interpret(scores)[0]).toHaveLength(3)
  })

  it.each([[{ top_k: 0 }], [{ top_k: 1.5 }], [{ top_k: '2' }], [{ top_k: null }], [{ topk: 1 }]])(
    'refuses the parameters %j',
    async (parameters) => {
      expect(await refusal(() => textClassification.prepare(['a'], parameters, model))).toBe(
        'parameter_invalid',
      )
    },
  )

  it('refuses options that it does not know, a missing vocabulary and a wrong output', async () => {
    const refused = (options: Record<string, unknown>) =>
      refusal(async () =>
        (await textClassification.prepare(['a'], {}, { ...model, options })).interpret(scores),
      )
    expect(await refused({ feature: 'text' })).toBe('configuration_invalid')
    expect(await refused({ features: 'embedding' })).toBe('configuration_invalid')
    expect(await refused({ features: 'ngram-frequencies' })).toBe('configuration_invalid')
    expect(await refused({ output: 'q' })).toBe('configuration_invalid')
  })
})

describe('tabular-classification', () => {
  const model = taskModel({ options: { columns: ['length', 'width'] } })
  const read = async (inputs: unknown, of = model) => {
    const { rows, single } = tabularClassification.rows(inputs, of)
    const { tensors } = await tabularClassification.prepare(rows, {}, of)
    return { single, shape: tensors.x?.shape, values: [...(tensors.x?.data ?? [])] }
  }

  it.each([
    ['one row', [1, 2], true],
    ['a list of rows', [[1, 2]], false],
    ['one record', { width: 2, length: 1 }, true],
    ['a list of records', [{ length: 1, width: 2 }], false],
    ["Hugging Face's wrapping of rows", { data: [[1, 2]] }, false],
    ["Hugging Face's wrapping of columns", { data: { width: [2], length: [1] } }, false],
  ])('reads %s', async (_, inputs, single) => {
    expect(await read(inputs)).toEqual({ single, shape: [1, 2], values: [1, 2] })
  })

  it('reads a column that is called data', async () => {
    const odd = taskModel({ options: { columns: ['data', 'width'] } })
    expect(await read({ data: 1, width: 2 }, odd)).toMatchObject({ single: true, values: [1, 2] })
  })

  it.each([
    ['a string', 'abc'],
    ['nothing', []],
    ['null', null],
    ['a row too short', [[1]]],
    ['a row too long', [1, 2, 3]],
    ['text in a row', [[1, '2']]],
    ['null in a row', [[1, null]]],
    ['Infinity', [[1, Number.POSITIVE_INFINITY]]],
    ['a number beyond float32', [[1, 1e300]]],
    ['a record without a column', { length: 1 }],
    ['a record with another column', { length: 1, width: 2, height: 3 }],
    ['an inherited name for a column', [{ length: 1, constructor: 2 }]],
    ['columns of two lengths', { data: { length: [1, 2], width: [1] } }],
    ['no columns', { data: { length: [] } }],
    ['rows too deep', [[[1, 2]]]],
  ])('refuses %s', async (_, inputs) => {
    expect(await refusal(() => read(inputs))).toBe('input_invalid')
  })

  it('names row and column of a wrong value', async () => {
    await expect(
      read([
        [1, 2],
        [1, Number.NaN],
      ]),
    ).rejects.toThrow('Row 1, column "width"')
  })

  it('never throws anything but a refusal, whatever JSON it gets', () =>
    fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (inputs) => {
        expect(await refusal(() => read(inputs))).toMatch(/^(input_invalid|not refused)$/)
      }),
    ))
})

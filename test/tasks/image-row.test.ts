import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { imageClassification } from '#shared/tasks/image-classification.ts'
import { imageBytes, imageRows } from '#shared/tasks/images/image-row.ts'
import { picture } from './pictures.ts'
import { refusal } from './refusal.ts'
import { taskModel } from './task-model.ts'
import { writePng } from './write-png.ts'

const bytes = Buffer.from('any bytes at all')
const base64 = bytes.toString('base64')

describe('an image in a request', () => {
  it.each([
    ['bytes', bytes],
    ['base64', base64],
    ['base64 without padding', base64.replace(/=+$/, '')],
    ['base64 for addresses', bytes.toString('base64url')],
    ['base64 broken into lines', `${base64.slice(0, 8)}\r\n${base64.slice(8)}\n`],
    ['a data URL', `data:image/png;base64,${base64}`],
    ['an object with base64', { image: base64 }],
    ['an object with bytes', { image: bytes }],
  ])('is read from %s', (_, row) => {
    expect(Buffer.from(imageBytes(row, 0))).toEqual(bytes)
  })

  it('is read or refused letter by letter, however much of it is base64', () => {
    const letter = fc.oneof(
      { weight: 40, arbitrary: fc.constantFrom(...'AZaz09+/-_') },
      { weight: 1, arbitrary: fc.constantFrom(...'=! \n\r\t\u00a0é漢.') },
    )
    const text = fc.string({ unit: letter, maxLength: 24 })
    fc.assert(
      fc.property(text, fc.constantFrom('', '=', '=='), (letters, end) => {
        const sent = letters + end
        const joined = sent.replace(/\s/g, '')
        const isBase64 = /^[\w+/-]+={0,2}$/.test(joined)
        const read = () => Buffer.from(imageBytes(sent, 0))
        if (isBase64) expect(read()).toEqual(Buffer.from(joined, 'base64'))
        else expect(read).toThrow('valid base64')
      }),
      { numRuns: 5_000 },
    )
  })

  it('is one where one was sent, and a list where a list was sent', () => {
    expect(imageRows(base64)).toEqual({ rows: [base64], single: true })
    expect(imageRows([base64])).toEqual({ rows: [base64], single: false })
  })

  it.each([
    ['an address', 'https://example.com/cat.png'],
    ['other text', 'not base64!'],
    ['empty text', ''],
    ['a number', 5],
    ['null', null],
    ['an object without image', { picture: base64 }],
    ['an object with a number', { image: 5 }],
    ['an inherited image', Object.create({ image: base64 })],
  ])('is refused as %s', async (_, row) => {
    expect(await refusal(() => imageBytes(row, 0))).toBe('input_invalid')
  })

  it('must be there', async () => {
    expect(await refusal(() => imageRows([]))).toBe('input_invalid')
  })
})

describe('image-classification', () => {
  const gradient = picture(4, 2, (x, y) => [x * 50, y * 50, 10])
  const png = writePng({ width: 4, height: 2, depth: 8, colour: 6, samples: [...gradient.data] })
  const tensorOf = async (shape: number[], options: Record<string, unknown>) => {
    const model = taskModel({ options, inputs: [{ name: 'x', datatype: 'FP32', shape }] })
    return (await imageClassification.prepare([png, png], {}, model)).tensors.x
  }

  it('gives rows of colours or planes of colours, as the layout says', async () => {
    const rows = await tensorOf([-1, 2, 4, 3], { scale: 1 })
    expect(rows?.shape).toEqual([2, 2, 4, 3])
    expect([...(rows?.data ?? [])].slice(0, 6)).toEqual([0, 0, 10, 50, 0, 10])
    const planes = await tensorOf([-1, 3, 2, 4], { scale: 1, layout: 'NCHW' })
    expect(planes?.shape).toEqual([2, 3, 2, 4])
    expect([...(planes?.data ?? [])].slice(0, 8)).toEqual([0, 50, 100, 150, 0, 50, 100, 150])
    expect([...(planes?.data ?? [])].slice(24, 28)).toEqual([0, 50, 100, 150])
  })

  it('scales, then subtracts the mean and divides by the deviation of each channel', async () => {
    const options = { scale: 0.1, mean: [1, 2, 3], deviation: [1, 2, 4] }
    const tensor = await tensorOf([-1, 2, 4, 3], options)
    expect([...(tensor?.data ?? [])].slice(3, 6)).toEqual([4, -1, -0.5])
  })

  it('turns colours grey where the model has one channel', async () => {
    const tensor = await tensorOf([-1, 2, 4, 1], { scale: 1 })
    expect(tensor?.data[1]).toBeCloseTo(0.299 * 50 + 0.114 * 10, 4)
  })

  it('keeps the proportions and pads with black where asked', async () => {
    const tensor = await tensorOf([-1, 4, 4, 1], { scale: 1, mean: [7], fit: 'contain' })
    const rows = [...(tensor?.data ?? [])].slice(0, 16)
    expect(rows.slice(0, 4)).toEqual([-7, -7, -7, -7])
    expect(rows.slice(12)).toEqual([-7, -7, -7, -7])
    expect(rows[5]).toBeCloseTo(0.299 * 50 + 0.114 * 10 - 7, 4)
  })

  it('refuses a model whose input is no image', async () => {
    expect(await refusal(() => tensorOf([-1, 4], {}))).toBe('configuration_invalid')
    expect(await refusal(() => tensorOf([-1, 4, 4, 2], {}))).toBe('configuration_invalid')
    expect(await refusal(() => tensorOf([-1, 3, 4, 4], {}))).toBe('configuration_invalid')
  })
})

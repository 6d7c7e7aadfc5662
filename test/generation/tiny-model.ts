import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { GenerationSource } from '#shared/generation/generation-messages.ts'
import type { GeneratedToken, GenerateRequest } from '#shared/generation/generator.ts'
import type { GeneratorOptions } from '#shared/generation/onnx-generator.ts'
import { createOnnxSession } from '#shared/runtime/onnx-session.ts'

/** The random model of `models/smollm2/recipe.py --tiny`: two layers, 300 tokens. */
const folder = join(import.meta.dirname, 'tiny-llama')

export const tinyBytes = () => new Uint8Array(readFileSync(join(folder, 'model.onnx')))

export const tinySession = () => createOnnxSession(tinyBytes(), { threads: 1, format: 'onnx' })

export const tinyOptions = {
  shape: { kvHeads: 2, headSize: 16, vocabulary: 300 },
  contextTokens: 256,
} as const satisfies GeneratorOptions

export const tinySource = (bytes = tinyBytes()): GenerationSource => ({
  ...tinyOptions,
  model: 'tiny@1',
  readBytes: async () => bytes.slice(),
  threads: 1,
  format: 'onnx',
})

/** What the reference in numpy wrote. */
export const expected: readonly {
  text: string
  prompt: number[]
  tokens: number[]
  logProbabilities: number[]
}[] = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8'))

export const asking = (
  prompt: readonly number[],
  more: Partial<GenerateRequest> = {},
): GenerateRequest => ({
  prompt,
  maxTokens: 16,
  temperature: 0,
  topP: 1,
  seed: 0,
  stopTokens: [],
  ...more,
})

export async function tokensOf(stream: AsyncIterable<GeneratedToken>): Promise<number[]> {
  return (await Array.fromAsync(stream)).map(({ token }) => token)
}

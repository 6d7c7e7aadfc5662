import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { GenerationSource } from '#shared/generation/generation-messages.ts'
import type { GeneratedToken, GenerateRequest } from '#shared/generation/generator.ts'
import type { GeneratorOptions } from '#shared/generation/onnx-generator.ts'
import { createOnnxSession } from '#shared/runtime/onnx-session.ts'
import type { Session } from '#shared/runtime/session.ts'

/** The random model of `models/smollm2/recipe.py --tiny`: two layers, 300 tokens. */
const folder = join(import.meta.dirname, 'tiny-llama')

export const tinyBytes = () => new Uint8Array(readFileSync(join(folder, 'model.onnx')))

export const tinySession = () => createOnnxSession(tinyBytes(), { threads: 1, format: 'onnx' })

/** How often a session has run, and may run. */
export interface AllowedRuns {
  made: number
  allowed: number
}

/** One that runs as often as it is allowed to, and waits until it is allowed more. */
export async function allowedSession(runs: AllowedRuns): Promise<Session> {
  const session = await tinySession()
  return {
    ...session,
    async runInto(inputs, outputs) {
      while (runs.made >= runs.allowed) await sleep(1)
      runs.made += 1
      await session.runInto(inputs, outputs)
    },
  }
}

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

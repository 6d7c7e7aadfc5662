import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { GenerationSource } from '#shared/generation/generation-messages.ts'
import { startGenerationProcess } from '#shared/generation/generation-process.ts'
import { startGenerationThread } from '#shared/generation/generation-thread.ts'
import type { GeneratedToken, GenerateRequest, Generator } from '#shared/generation/generator.ts'
import { createOnnxGenerator } from '#shared/generation/onnx-generator.ts'
import { openOnnxGenerator } from '#shared/generation/open-onnx-generator.ts'
import { asking, tinyOptions, tinySession, tinySource, tokensOf } from './tiny-model.ts'

const contextTokens = 200
const chunkTokens = 5
let alone: Generator
beforeAll(async () => {
  const options = { ...tinyOptions, contextTokens, slots: 1, chunkTokens }
  alone = createOnnxGenerator(await tinySession(), options)
})
afterAll(() => alone.close())

const request = fc.record({
  prompt: fc.array(fc.nat(299), { minLength: 1, maxLength: 120 }),
  maxTokens: fc.integer({ min: 1, max: 70 }),
  temperature: fc.constantFrom(0, 0.7, 1.3),
  topP: fc.constantFrom(0.5, 0.9, 1),
  seed: fc.nat(),
  stopTokens: fc.array(fc.nat(299), { maxLength: 12 }),
})
const reader = fc.record({
  request,
  /** Tokens that others have got before this one comes. */
  comesAfter: fc.nat(20),
  /** Tokens after which it goes, if it goes before the end. */
  goesAfter: fc.option(fc.nat(12)),
})

/** Reads until the end, or returns earlier: tokens with their probabilities, to the last bit. */
async function read(generator: Generator, asked: GenerateRequest, goesAfter: number | null) {
  const tokens: GeneratedToken[] = []
  if (goesAfter === 0) return tokens
  for await (const token of generator.generate({ ...asked, logProbabilities: true })) {
    tokens.push(token)
    if (tokens.length === goesAfter) break
  }
  return tokens
}

describe.each([
  ['here', openOnnxGenerator, 60],
  ['in a thread', startGenerationThread, 15],
  [
    'in a process',
    (source: GenerationSource) =>
      startGenerationProcess(source, { memoryLimitBytes: 2_000_000_000 }),
    15,
  ],
] as const)('%s', (_, start, numRuns) => {
  let shared: Generator
  beforeAll(async () => {
    shared = await start({ ...tinySource(), contextTokens, slots: 3, chunkTokens })
  })
  afterAll(() => shared.close())

  it('gives each of several generations what it gets alone, whoever comes and goes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(reader, { minLength: 2, maxLength: 7 }), async (readers) => {
        const wanted = []
        for (const { request: asked, goesAfter } of readers) {
          wanted.push(await read(alone, asking(asked.prompt, asked), goesAfter))
        }
        const found = await Promise.all(
          readers.map(async ({ request: asked, comesAfter, goesAfter }) => {
            // A turn of the event loop is about a run of the model.
            for (let turn = 0; turn < comesAfter; turn += 1) await new Promise(setImmediate)
            return read(shared, asking(asked.prompt, asked), goesAfter)
          }),
        )
        expect(found).toEqual(wanted)
      }),
      { numRuns },
    )
  }, 60_000)

  it('gives two equal requests in one run equal tokens', async () => {
    const asked = asking([5, 6, 7], { temperature: 1, seed: 9, maxTokens: 20 })
    const [one, other] = await Promise.all([
      tokensOf(shared.generate(asked)),
      tokensOf(shared.generate(asked)),
    ])
    expect(one).toEqual(other)
  })
})

import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { startGenerationProcess } from '#shared/generation/generation-process.ts'
import { startGenerationThread } from '#shared/generation/generation-thread.ts'
import type { Generator } from '#shared/generation/generator.ts'
import { refusal } from '#test/support/refusal.ts'
import { generatorContract } from './generator-contract.ts'
import { asking, expected, tinyBytes, tinySource, tokensOf } from './tiny-model.ts'

const [first] = expected as [(typeof expected)[0]]
const memoryLimitBytes = 2_000_000_000

describe.each([
  ['a thread', startGenerationThread],
  [
    'a process',
    (source: Parameters<typeof startGenerationThread>[0]) =>
      startGenerationProcess(source, { memoryLimitBytes }),
  ],
] as const)('in %s', (_, begin) => {
  const start = (bytes = tinyBytes()) =>
    begin({ ...tinySource(bytes), slots: 2, waiting: 1, chunkTokens: 8 })
  let generator: Generator
  beforeAll(async () => {
    generator = await start()
  })
  afterAll(() => generator.close())

  generatorContract(() => generator)

  it('writes it for several at once', async () => {
    const asked = expected.slice(0, 3)
    const found = await Promise.all(
      asked.map(({ prompt, tokens }) =>
        tokensOf(
          generator.generate(asking(prompt, { maxTokens: tokens.length, logProbabilities: true })),
        ),
      ),
    )
    expect(found).toEqual(asked.map(({ tokens }) => tokens))
  })

  it('gives a token as soon as it is there, not only with the last', async () => {
    const stream = generator.generate(asking([1], { maxTokens: 200 }))[Symbol.asyncIterator]()
    let reads = 0
    let turns = 0
    const timer = setInterval(() => {
      turns += 1
    }, 1)
    for (; !(await stream.next()).done; reads += 1);
    clearInterval(timer)
    expect(reads).toBe(200)
    // All at once would be one turn.
    expect(turns).toBeGreaterThan(10)
  })

  it('gives the slot of an aborted generation to the next', async () => {
    const leaving = new AbortController()
    const ask = () => asking(first.prompt, { maxTokens: 250, signal: leaving.signal })
    const reads = [1, 2, 3].map(() => tokensOf(generator.generate(ask())))
    leaving.abort()
    expect(await Promise.all(reads)).toEqual([[], [], []])
    const next = tokensOf(generator.generate(asking(first.prompt, { maxTokens: 8 })))
    expect(await next).toEqual(first.tokens.slice(0, 8))
  })

  // Repeated, since it is time that is measured, and others use the machine.
  it('ends the wait of whoever goes within 100 ms, and gives the slot on', {
    retry: 2,
  }, async () => {
    const leaving = new AbortController()
    const ask = asking(first.prompt, { maxTokens: 250, signal: leaving.signal })
    const stream = generator.generate(ask)[Symbol.asyncIterator]()
    await stream.next()
    const start = performance.now()
    leaving.abort()
    for (; !(await stream.next()).done; );
    await Promise.all([1, 2].map(() => tokensOf(generator.generate(asking([1], { maxTokens: 1 })))))
    expect(performance.now() - start).toBeLessThan(100)
  })

  it('passes errors on as they are', async () => {
    const ask = (tokens: readonly number[]) => tokensOf(generator.generate(asking(tokens)))
    await expect(ask(new Array(256).fill(1))).rejects.toThrow(refusal('prompt_too_long', '256'))
    await expect(ask([1, 300])).rejects.toThrow(refusal('input_invalid'))
    // So long that none has ended before the last has come.
    const askLong = () => tokensOf(generator.generate(asking([1], { maxTokens: 250 })))
    const answers = await Promise.allSettled([askLong(), askLong(), askLong(), askLong()])
    expect(answers.map(({ status }) => status).sort()).toEqual([
      'fulfilled',
      'fulfilled',
      'fulfilled',
      'rejected',
    ])
    expect(answers.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { code: 'overloaded', retryAfterSeconds: 1 },
    })
  })

  it('refuses bytes that are no model', async () => {
    await expect(start(new Uint8Array(100))).rejects.toThrow(refusal('model_invalid'))
  })

  it('tells why the file of a model cannot be had', async () => {
    const readBytes = () => Promise.reject(new Error('The store is gone.'))
    await expect(begin({ ...tinySource(), readBytes })).rejects.toThrow(refusal('internal'))
  })

  it('ends what is under way when it is closed, and refuses what comes later', async () => {
    const closing = await start()
    onTestFinished(() => closing.close())
    const stream = closing.generate(asking([1], { maxTokens: 200 }))[Symbol.asyncIterator]()
    await stream.next()
    await closing.close()
    await closing.close()
    const rest = await Array.fromAsync({ [Symbol.asyncIterator]: () => stream })
    expect(rest.length).toBeLessThan(199)
    await expect(tokensOf(closing.generate(asking([1])))).rejects.toThrow(
      refusal('inference_failed'),
    )
  })
})

import { afterAll, beforeAll, expect, it } from 'vitest'
import { startGenerationThread } from '#shared/generation/generation-thread.ts'
import type { Generator } from '#shared/generation/generator.ts'
import { refusal } from '#test/support/refusal.ts'
import { asking, expected, tinyBytes, tinyOptions, tokensOf } from './tiny-model.ts'

const start = (bytes = tinyBytes()) =>
  startGenerationThread({ ...tinyOptions, slots: 2, waiting: 1, bytes, threads: 1, format: 'onnx' })

let generator: Generator
beforeAll(async () => {
  generator = await start()
})
afterAll(() => generator.close())

it('writes in a thread what the reference writes, for several at once', async () => {
  const asked = expected.slice(0, 3)
  const found = await Promise.all(
    asked.map(({ prompt, tokens }) =>
      tokensOf(generator.generate(asking(prompt, { maxTokens: tokens.length }))),
    ),
  )
  expect(found).toEqual(asked.map(({ tokens }) => tokens))
})

it('gives the slot of an aborted generation to the next', async () => {
  const [first] = expected
  const leaving = new AbortController()
  const ask = () => asking(first?.prompt ?? [], { maxTokens: 250, signal: leaving.signal })
  const reads = [1, 2, 3].map(() => tokensOf(generator.generate(ask())))
  leaving.abort()
  expect(await Promise.all(reads)).toEqual([[], [], []])
  const next = tokensOf(generator.generate(asking(first?.prompt ?? [], { maxTokens: 8 })))
  expect(await next).toEqual(first?.tokens.slice(0, 8))
})

it('passes errors on as they are', async () => {
  const ask = (tokens: number) => tokensOf(generator.generate(asking(new Array(tokens).fill(1))))
  await expect(ask(256)).rejects.toThrow(refusal('prompt_too_long', '256'))
  const answers = await Promise.allSettled([ask(1), ask(1), ask(1), ask(1)])
  expect(answers.map(({ status }) => status).sort()).toEqual([
    'fulfilled',
    'fulfilled',
    'fulfilled',
    'rejected',
  ])
})

it('refuses bytes that are no model', async () => {
  await expect(start(new Uint8Array(100))).rejects.toThrow(refusal('model_invalid'))
})

it('ends what is under way when it is closed, and refuses what comes later', async () => {
  const closing = await start()
  const stream = closing.generate(asking([1], { maxTokens: 200 }))[Symbol.asyncIterator]()
  await stream.next()
  await closing.close()
  await closing.close()
  const rest = await Array.fromAsync({ [Symbol.asyncIterator]: () => stream })
  expect(rest.length).toBeLessThan(199)
  await expect(tokensOf(closing.generate(asking([1])))).rejects.toThrow(refusal('inference_failed'))
})

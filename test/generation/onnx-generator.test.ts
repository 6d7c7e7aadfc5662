import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Generator } from '#shared/generation/generator.ts'
import { createOnnxGenerator } from '#shared/generation/onnx-generator.ts'
import type { Session } from '#shared/runtime/session.ts'
import { refusal } from '#test/support/refusal.ts'
import { generatorContract } from './generator-contract.ts'
import { asking, expected, tinyOptions, tinySession, tokensOf } from './tiny-model.ts'

let session: Session
let generator: Generator
/** Runs of the model so far. */
let runs = 0

beforeAll(async () => {
  const tiny = await tinySession()
  session = {
    ...tiny,
    runInto: (...tensors) => {
      runs += 1
      return tiny.runInto(...tensors)
    },
  }
  generator = createOnnxGenerator(session, { ...tinyOptions, slots: 3, waiting: 2, chunkTokens: 8 })
})
afterAll(() => generator.close())

const [first] = expected as [(typeof expected)[0]]

generatorContract(() => generator)

it('refuses a prompt that leaves no room, is empty, or holds unknown tokens', async () => {
  const ask = (prompt: readonly number[]) => tokensOf(generator.generate(asking(prompt)))
  const runsBefore = runs
  await expect(ask(new Array(256).fill(1))).rejects.toThrow(refusal('prompt_too_long', '256'))
  await expect(ask([])).rejects.toThrow(refusal('input_invalid'))
  await expect(ask([1, 300])).rejects.toThrow(refusal('input_invalid'))
  await expect(ask([1, -1])).rejects.toThrow(refusal('input_invalid'))
  expect(runs).toBe(runsBefore)
})

it('runs at most one further step for a generation that is aborted', async () => {
  const leaving = new AbortController()
  const request = asking(first.prompt, { maxTokens: 200, signal: leaving.signal })
  const stream = generator.generate(request)[Symbol.asyncIterator]()
  await stream.next()
  const pending = stream.next()
  leaving.abort()
  expect((await stream.next()).done).toBe(true)
  await pending
  const runsBefore = runs
  // Another one goes through all its steps meanwhile: one run for its prompt, two for its tokens.
  await tokensOf(generator.generate(asking([1], { maxTokens: 3 })))
  expect(runs - runsBefore).toBeLessThanOrEqual(4)
})

it('runs no step for a reader that has returned', async () => {
  for await (const _ of generator.generate(asking(first.prompt, { maxTokens: 200 }))) break
  const runsBefore = runs
  await tokensOf(generator.generate(asking([1], { maxTokens: 3 })))
  expect(runs - runsBefore).toBeLessThanOrEqual(4)
})

it('never starts what was aborted before', async () => {
  const runsBefore = runs
  const request = asking(first.prompt, { signal: AbortSignal.abort() })
  expect(await tokensOf(generator.generate(request))).toEqual([])
  expect(runs).toBe(runsBefore)
})

it('refuses more generations than may wait, and takes further ones afterwards', async () => {
  const ask = () => tokensOf(generator.generate(asking(first.prompt)))
  const answers = await Promise.allSettled(Array.from({ length: 7 }, ask))
  const refused = answers.filter(({ status }) => status === 'rejected')
  expect(refused.map((answer) => (answer as PromiseRejectedResult).reason)).toEqual([
    refusal('overloaded'),
    refusal('overloaded'),
  ])
  expect(await ask()).toEqual(first.tokens.slice(0, 16))
})

it('lets a short answer end while a long prompt is still read', async () => {
  const ended: string[] = []
  const prompt = Array.from({ length: 240 }, (_, at) => at)
  const ask = (name: string, tokens: readonly number[], maxTokens: number) =>
    tokensOf(generator.generate(asking(tokens, { maxTokens }))).then(() => ended.push(name))
  await Promise.all([ask('long', prompt, 1), ask('short', first.prompt, 8)])
  expect(ended).toEqual(['short', 'long'])
})

it('tells all that took part in a run that failed, and goes on', async () => {
  const tiny = await tinySession()
  let broken = false
  const frail = createOnnxGenerator(
    {
      ...tiny,
      runInto: (inputs, outputs) =>
        // What ONNX Runtime refuses by itself: an input is missing.
        broken ? tiny.runInto({}, outputs) : tiny.runInto(inputs, outputs),
    },
    tinyOptions,
  )
  const stream = frail.generate(asking(first.prompt))[Symbol.asyncIterator]()
  await stream.next()
  broken = true
  const failing = Array.fromAsync({ [Symbol.asyncIterator]: () => stream })
  await expect(failing).rejects.toThrow(refusal('inference_failed'))
  broken = false
  expect(await tokensOf(frail.generate(asking(first.prompt)))).toEqual(first.tokens.slice(0, 16))
  await frail.close()
})
